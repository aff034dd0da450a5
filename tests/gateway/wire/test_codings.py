"""Bodies that are coded pass as they are: nobody between client and service looks into them."""

import gzip

import pytest

from tests.gateway.peers import Upstream, get, says
from tests.gateway.process import Gateway

# Nothing looks into a body: of codings that Python cannot write, the beginning of one and any bytes do.
CODED = {
    "gzip": ("gzip", gzip.compress(b"a" * 5000)),
    "br": ("br", b"\x1b\x87\x13\x00" + bytes(range(256)) * 40),
    "zstd": ("zstd", b"\x28\xb5\x2f\xfd" + bytes(range(256)) * 40),
    "broken": ("gzip", b"\x1f\x8b\x08 no gzip"),
    # A gigabyte of nothing, as a hundred pieces one behind the other (RFC 1952 section 2.2).
    "bomb": ("gzip", gzip.compress(bytes(10 << 20)) * 100),
}


class TestCodedBodies:
    @pytest.mark.parametrize(("coding", "packed"), CODED.values(), ids=CODED)
    async def test_gzip_identity(self, gateway: Gateway, upstream: Upstream, coding: str, packed: bytes) -> None:
        """A coded body is neither decoded nor coded again, either way: same bytes, length and tag."""
        head = f'HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nETag: "e"\r\nContent-Length: {len(packed)}\r\n\r\n'
        upstream.script = says(head.encode() + packed)
        asking = get("/big", f"Content-Encoding: {coding}", f"Content-Length: {len(packed)}", method="POST").encode()
        await gateway.ask(asking + packed)
        before = gateway.resident_kilobytes()

        answers = [await gateway.ask(asking + packed) for _ in range(4)]

        assert gateway.resident_kilobytes() - before < 16_384
        assert {answer.body for answer in answers} == {packed}
        assert [answer.one("content-encoding") for answer in answers] == [coding] * 4
        assert [answer.one("etag") for answer in answers] == ['"e"'] * 4
        assert upstream.last.body == packed
        assert upstream.last.one("content-encoding") == coding

    @pytest.mark.parametrize("asked", ["gzip", "br, zstd;q=0.5, *;q=0", "identity"])
    async def test_codings_are_between_client_and_service(
        self, gateway: Gateway, upstream: Upstream, asked: str
    ) -> None:
        """Which codings a client takes, the service hears as it was said; nothing is added where nothing was."""
        await gateway.ask(get("/todos", f"Accept-Encoding: {asked}"))
        await gateway.ask(get("/todos"))

        assert [request.all("accept-encoding") for request in upstream.seen] == [[asked], []]
