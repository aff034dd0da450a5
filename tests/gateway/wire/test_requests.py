"""What goes in comes out at the upstream: addresses and header fields, on the bytes of both sides."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.peers import Upstream, get
from tests.gateway.process import Gateway

PIECES = st.text("abzAZ09-._~!$&'()*+,=:@", min_size=1, max_size=8).filter(lambda piece: piece not in {".", ".."})
QUERIES = st.text([chr(code) for code in range(0x21, 0x7F) if chr(code) != "#"], max_size=40)
ON_ONE_GATEWAY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestAddresses:
    @ON_ONE_GATEWAY
    @given(segments=st.lists(PIECES, max_size=4), query=QUERIES, slash=st.sampled_from(["", "/"]))
    async def test_arrive_as_they_were_sent(
        self, gateway: Gateway, upstream: Upstream, segments: list[str], query: str, slash: str
    ) -> None:
        """The upstream sees the same bytes, whatever characters they are and however they are encoded."""
        target = "/".join(["/todos", *segments]) + slash + (f"?{query}" if query else "")

        answer = await gateway.ask(get(target))

        assert answer.status == 200
        assert upstream.last.target == target

    @pytest.mark.parametrize(
        "target", ["/todos/%E2%9C%93%20a", "/todos?q=%2F%2e%2E&x=[1]&y=a;b", "/todos/a%3Fb", "/todos/..a/.b"]
    )
    async def test_encoding_is_kept(self, gateway: Gateway, upstream: Upstream, target: str) -> None:
        """Nothing is decoded and encoded again on the way."""
        await gateway.ask(get(target))

        assert upstream.last.target == target

    async def test_empty_query(self, gateway: Gateway, upstream: Upstream) -> None:
        """A question mark with nothing behind it goes."""
        await gateway.ask(get("/todos?"))

        assert upstream.last.target == "/todos"

    @pytest.mark.parametrize("target", ["/todos", "/todos/"])
    async def test_both_spellings(self, gateway: Gateway, upstream: Upstream, target: str) -> None:
        """A trailing slash is no reason for a redirect."""
        answer = await gateway.ask(get(target))

        assert (answer.status, upstream.last.target) == (200, target)


class TestRequestFields:
    async def test_order_and_repeats_stay(self, gateway: Gateway, upstream: Upstream) -> None:
        """Fields arrive in their order, a repeated one as often as it was sent."""
        await gateway.ask(get("/todos", "X-B: 1", "X-A: 2", "X-B: 3", "Accept: x/y", "X-B: 1"))

        names = {"x-a", "x-b", "accept"}
        kept = [pair for pair in upstream.last.fields if pair[0] in names]
        assert sorted(kept) == sorted([("x-b", "1"), ("x-a", "2"), ("x-b", "3"), ("accept", "x/y"), ("x-b", "1")])
        assert upstream.last.all("x-b") == ["1", "3", "1"]

    async def test_no_invented_fields(self, gateway: Gateway, upstream: Upstream) -> None:
        """The upstream gets the client's fields, those that name the way, and nothing else."""
        await gateway.ask(get("/todos", "X-Mine: 1"))

        added = {"via", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id", "traceparent"}
        added.add("x-request-deadline-ms")
        assert {name for name, _ in upstream.last.fields} == {"host", "x-mine"} | added

    @pytest.mark.parametrize("method", ["POST", "DELETE"])
    async def test_bodyless_writes_say_so(self, gateway: Gateway, upstream: Upstream, method: str) -> None:
        """A write without a body gets a length of 0 and no type."""
        await gateway.ask(get("/todos", method=method))

        assert upstream.last.one("content-length") == "0"
        assert upstream.last.one("content-type") is None

    @pytest.mark.parametrize(
        "line",
        [
            *("Keep-Alive: 5", "TE: gzip", "Proxy-Authorization: x", "Proxy-Connection: close", "Upgrade: x"),
            *("Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4", "X-User-Id: root", "X_Forwarded_For: 1.2.3.4"),
            *(
                "X-Forwarded-Host-Extra: a",
                "X.Dotted: a",
                "Baggage: a=b",
                "X-Request-Attempt: 2",
                "Expect: 100-continue",
            ),
        ],
    )
    async def test_dropped(self, gateway: Gateway, upstream: Upstream, line: str) -> None:
        """Fields that are for the gateway alone, or that could speak in its name, do not arrive."""
        await gateway.ask(get("/todos", line))

        assert upstream.last.all(line.split(":", maxsplit=1)[0].lower()) == []

    async def test_the_deadline_is_the_gateways(self, gateway: Gateway, upstream: Upstream) -> None:
        """What a client says about the time that is left does not arrive."""
        await gateway.ask(get("/todos", "X-Request-Deadline-Ms: 1"))

        assert 1 < int(upstream.last.one("x-request-deadline-ms") or 0) <= 10_000

    async def test_what_connection_nominates(self, gateway: Gateway, upstream: Upstream) -> None:
        """A field that Connection names is for the gateway and stays there."""
        await gateway.ask(get("/todos", "Connection: x-hop, keep-alive", "X-Hop: 1", "X-Stays: 1"))

        assert upstream.last.all("x-hop") == []
        assert upstream.last.all("x-stays") == ["1"]

    @pytest.mark.parametrize(
        "name", ["Authorization", "cookie", "Host", "Content-Type", "If-Match", "Idempotency-Key", "X-Forwarded-For"]
    )
    async def test_connection_nominates_what_is_needed(self, gateway: Gateway, upstream: Upstream, name: str) -> None:
        """A client cannot make the gateway drop a field that the service decides by."""
        answer = await gateway.ask(get("/todos", f"Connection: {name}"))

        assert (answer.status, answer.code) == (400, "bad_header")
        assert upstream.seen == []

    async def test_forged_forwarding(self, gateway: Gateway, upstream: Upstream) -> None:
        """The upstream hears of the peer alone, whatever the client says of its way."""
        forged = ["X-Forwarded-For: 1.2.3.4", "X-Forwarded-For: 5.6.7.8", "X-Forwarded-Proto: https"]
        await gateway.ask(get("/todos", *forged, "X-Forwarded-Host: evil.test"))

        assert upstream.last.one("x-forwarded-for") == "127.0.0.1"
        assert upstream.last.one("x-forwarded-proto") == "http"
        assert upstream.last.one("x-forwarded-host") == "localhost:8080"

    async def test_forged_ids(self, gateway: Gateway, upstream: Upstream) -> None:
        """A client's own request id is replaced, the answer carries the new one once, and its trace goes on."""
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        answer = await gateway.ask(
            get("/todos", "X-Request-Id: chosen-by-me", f"Traceparent: 00-{trace}-{'1' * 16}-01")
        )

        assert upstream.last.one("x-request-id") == answer.one("x-request-id") != "chosen-by-me"
        assert (upstream.last.one("traceparent") or "").split("-")[1] == trace
        assert (upstream.last.one("traceparent") or "").split("-")[2] != "1" * 16

    async def test_cookies_where_they_belong(self, gateway: Gateway, upstream: Upstream) -> None:
        """Cookies reach only the upstream that is configured to get them."""
        await gateway.ask(get("/auth/me", "Cookie: a=1"))
        await gateway.ask(get("/todos", "Cookie: a=1"))

        assert [request.all("cookie") for request in upstream.seen] == [["a=1"], []]

    async def test_utf8_values(self, gateway: Gateway, upstream: Upstream) -> None:
        """A value's bytes arrive as they were; what is no UTF-8 would not, and is refused."""
        answer = await gateway.ask(get("/todos").encode().replace(b"\r\n\r\n", b"\r\nX-A: \xc3\xa4\r\n\r\n"))
        refused = await gateway.ask(get("/todos").encode().replace(b"\r\n\r\n", b"\r\nX-A: \xe4\r\n\r\n"))

        assert answer.status == 200
        assert b"\xc3\xa4" in upstream.last.raw_head
        assert refused.code == "bad_header"

    async def test_two_authorizations(self, gateway: Gateway, upstream: Upstream) -> None:
        """A request that names two callers names none."""
        answer = await gateway.ask(get("/todos", "Authorization: Bearer a", "Authorization: Bearer b"))

        assert answer.code == "bad_header"
        assert upstream.seen == []

    async def test_loops(self, gateway: Gateway, upstream: Upstream) -> None:
        """A request that comes by for the third time stops here."""
        once = await gateway.ask(get("/todos", "Via: 1.1 gateway, 1.0 other"))
        twice = await gateway.ask(get("/todos", "Via: 1.1 gateway, 1.0 other", "Via: 1.1 gateway"))

        assert (once.status, twice.status) == (200, 508)
        assert upstream.last.all("via") == ["1.1 gateway, 1.0 other", "1.1 gateway"]
