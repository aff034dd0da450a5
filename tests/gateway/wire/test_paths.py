"""The address that is routed is the address that the upstream sees, byte for byte, or there is none."""

from urllib.parse import unquote_to_bytes

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.peers import Upstream
from tests.gateway.process import Gateway
from tests.proofs import rounds

TRICKS = [b"/", b"//", b".", b"..", b"%2e", b"%2F", b"%5c", b"%00", b"%25", b"%252e", b"\\", b";", b"#", b"?", b"%"]
TRICKS += [b"a", b"todos", b"auth", b"%41", b"%c3%a9", b"*", b"@", b":", b"\xc3", b"\x7f", b"\x01", b"http://x", b"&="]


@settings(max_examples=rounds(1500), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tail=st.lists(st.sampled_from(TRICKS), max_size=8).map(b"".join))
async def test_paths(gateway: Gateway, upstream: Upstream, tail: bytes) -> None:
    """An address passes as it was sent, and whoever decodes it is still under its route; or it is refused."""
    upstream.forget()
    target = b"/todos" + tail

    answer = await gateway.ask(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")

    if answer.status != 200:
        assert answer.status in {400, 404}
        assert upstream.seen == []
        return
    path, _, query = target.partition(b"?")
    assert upstream.last.target.encode("latin-1") == (path + b"?" + query if query else path)
    for decoded in (path, unquote_to_bytes(path), unquote_to_bytes(unquote_to_bytes(path))):
        segments = decoded.replace(b"\\", b"/").split(b"/")
        assert segments[1] == b"todos"
        assert not {b".", b".."} & set(segments)
