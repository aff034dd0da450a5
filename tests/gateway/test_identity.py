"""Whom the gateway believes about a request's way and ids."""

import pytest

from gateway.configuration.settings import Environment
from gateway.heads.fields import Fields
from gateway.heads.identity import Identities, Identity
from tests.gateway.process import NO_KEYS

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"


def identity(peer: str, *headers: tuple[str, str], trusted: str = "10.0.0.0/8") -> Identity:
    environment = Environment(
        environment="development", public_url="http://localhost", auth_jwks_url=NO_KEYS, trusted_proxies=trusted
    )
    fields = Fields([(name.encode(), value.encode()) for name, value in headers])
    return Identities(environment).of({"client": (peer, 1), "scheme": "http"}, fields)


class TestClientAddress:
    @pytest.mark.parametrize(
        ("peer", "forwarded", "client"),
        [
            *(("1.1.1.1", "9.9.9.9", "1.1.1.1"), ("10.0.0.1", "9.9.9.9", "9.9.9.9"), ("10.0.0.1", "", "10.0.0.1")),
            *(("10.0.0.1", "8.8.8.8, 9.9.9.9", "9.9.9.9"), ("10.0.0.1", "8.8.8.8, 9.9.9.9, 10.2.2.2", "9.9.9.9")),
            *(("10.0.0.1", "9.9.9.9, junk", "10.0.0.1"), ("10.0.0.1", "10.1.1.1", "10.0.0.1")),
            ("10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ],
    )
    def test_is_the_right_most_that_no_proxy_made(self, peer: str, forwarded: str, client: str) -> None:
        """Only trusted proxies are believed, and of the list only what they wrote."""
        assert identity(peer, ("x-forwarded-for", forwarded)).client == client

    def test_scheme(self) -> None:
        """A trusted proxy in front says how the client came; others do not."""
        said = ("x-forwarded-proto", "https")

        assert [identity("10.0.0.1", said).scheme, identity("1.1.1.1", said).scheme] == ["https", "http"]


class TestIds:
    @pytest.mark.parametrize("sent", ["given-by-proxy", "short", "has space", "x" * 65, "ünï-cöde-id"])
    def test_a_trusted_proxys_id_is_kept_if_it_is_one(self, sent: str) -> None:
        """An id from a trusted proxy is kept if it is well formed; from others never."""
        from_proxy = identity("10.0.0.1", ("x-request-id", sent)).request_id
        from_client = identity("1.1.1.1", ("x-request-id", sent)).request_id

        assert (from_proxy == sent) == (sent == "given-by-proxy")
        assert from_client != sent

    def test_traces(self) -> None:
        """A valid trace goes on under a new parent; an invalid one, or two, begin a new one."""
        went_on = identity("1.1.1.1", ("traceparent", TRACE), ("tracestate", "a=1"))
        upper = identity("1.1.1.1", ("traceparent", TRACE.upper()), ("tracestate", "a=1"))
        twice = identity("1.1.1.1", ("traceparent", TRACE), ("traceparent", TRACE))

        assert (went_on.trace_id, went_on.tracestate) == ("a" * 32, "a=1")
        assert went_on.traceparent.split("-")[2] != "b" * 16
        assert (upper.trace_id, upper.tracestate) != ("a" * 32, "a=1")
        assert twice.trace_id != "a" * 32

    def test_a_huge_tracestate_is_dropped(self) -> None:
        """Vendors' data is passed on up to 512 bytes."""
        assert identity("1.1.1.1", ("traceparent", TRACE), ("tracestate", "a=" + "x" * 511)).tracestate is None
