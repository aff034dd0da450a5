"""No byte of one request is ever taken for another one, by the gateway or by a service behind it."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.gateway.scripts import echoes
from tests.gateway.wire.payloads import PAYLOADS, Payload
from tests.proofs import rounds
from tests.waiting import until

LAST = get("/todos/last", "Connection: close").encode()
PIECES = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\x00", b":", b",", b"0", b"3", b"\r\n\r\n", b"\xff", b"chunked"]
PIECES += [b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", get("/smuggled").encode()]
ON_ONE_GATEWAY = settings(
    max_examples=rounds(2000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Return one of the payloads with up to four pieces of it replaced, doubled or left out."""
    raw = draw(st.sampled_from(PAYLOADS)).raw.encode("latin-1")
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(raw)))
        end = min(len(raw), start + draw(st.integers(0, 6)))
        kept = draw(st.booleans())
        raw = raw[:start] + draw(st.sampled_from([b"", raw[start:end], *PIECES])) + raw[start if kept else end :]
    return raw


async def known(gateway: Gateway, upstream: Upstream) -> None:
    """Wait until the gateway's log has each request that the upstream saw; fail if one of them is not the gateway's."""
    seen = {request.one("x-request-id"): request.target.partition("?")[0] for request in upstream.seen}
    assert len(seen) == len(upstream.seen), "two requests came under one id"
    assert None not in seen, "a request came without the gateway's id"
    for request in upstream.seen:
        assert len(request.all("content-length") + request.all("transfer-encoding")) <= 1

    def logged() -> dict[str, str]:
        return {line["request_id"]: line["path"] for line in gateway.lines() if line.get("upstream_ms") is not None}

    await until(lambda: logged().items() >= seen.items())


class TestSmuggling:
    @pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.name)
    async def test_smuggle(self, gateway: Gateway, upstream: Upstream, payload: Payload) -> None:
        """Each answer is that to a request of the payload, and the upstream saw as many as were passed on."""
        upstream.script = echoes
        async with Wire.to(gateway.port) as wire:
            await wire.send(payload.raw)
            answers = [await wire.body(await wire.head()) for _ in payload.statuses]
            if answers[-1].one("connection") == "close":
                assert await wire.reader.read() == b""
            else:
                assert (await wire.answer(get("/todos/after"))).body == b"/todos/after "

        assert tuple(answer.status for answer in answers) == payload.statuses
        assert "/smuggled" not in {request.target for request in upstream.seen}
        passed = [request.target for request in upstream.seen if request.target != "/todos/after"]
        assert len(passed) == payload.statuses.count(200)
        await known(gateway, upstream)

    @ON_ONE_GATEWAY
    @given(raw=mutated())
    async def test_smuggle_mutations(self, gateway: Gateway, upstream: Upstream, raw: bytes) -> None:
        """Whatever bytes come: the upstream sees what the gateway passed on, and every answer is one to it."""
        upstream.forget()
        upstream.script = echoes
        answered = []
        async with Wire.to(gateway.port) as wire:
            await wire.send(raw + LAST)
            try:
                while True:
                    answer = await wire.head()
                    answered.append(await wire.body(answer, to_head=raw.startswith(b"HEAD")))
            except (asyncio.IncompleteReadError, ConnectionError):
                pass

        await known(gateway, upstream)
        echoed = [answer.body.partition(b" ")[0].decode() for answer in answered if answer.status == 200]
        assert [target for target in echoed if target.startswith("/")] == [request.target for request in upstream.seen]
