"""What keeps a request that may be good from its answer: a service, the way to it, or the gateway itself."""

from random import SystemRandom

from gateway.problems.refusal import Refusal
from shared.problems import InternalError
from shared.tokens import KeysUnavailable

__all__ = [
    "CircuitOpen",
    "ComeAgain",
    "GatewayBug",
    "NoEndpoint",
    "NoKeys",
    "Overloaded",
    "UpstreamConnectTimeout",
    "UpstreamProtocol",
    "UpstreamReset",
    "UpstreamTimeout",
    "UpstreamUnreachable",
]

COME_AGAIN_SECONDS = (1, 3)

_DICE = SystemRandom()


class UpstreamUnreachable(Refusal):
    """The service behind this address cannot be reached. Nothing happened; try again soon."""

    status, code, title, proxy_error = 502, "upstream_unreachable", "Service unreachable", "connection_refused"


class UpstreamReset(Refusal):
    """The service behind this address closed the connection before it answered. A write may have happened."""

    status, code, title, proxy_error = 502, "upstream_reset", "Service broke off", "connection_terminated"


class UpstreamProtocol(Refusal):
    """The service behind this address sent an answer that is not valid HTTP. A write may have happened."""

    status, code, title, proxy_error = 502, "upstream_protocol", "Service answer unreadable", "http_protocol_error"


class UpstreamConnectTimeout(Refusal):
    """The service behind this address could not be reached in time. Nothing happened; try again soon."""

    status, code, title, proxy_error = 504, "upstream_connect_timeout", "Connect timeout", "connection_timeout"


class UpstreamTimeout(Refusal):
    """The service behind this address did not answer in time. A write may have happened."""

    status, code, title, proxy_error = 504, "upstream_timeout", "Service timeout", "http_response_timeout"


class ComeAgain(Refusal):
    """Nothing happened, and in a moment it may. When to come again differs, so that not everybody does at once."""

    status, code, title = 503, "unavailable", "Unavailable"

    def __init__(self, **headers: str) -> None:
        """Draw how many seconds to wait; `headers` are further fields."""
        super().__init__(Retry_After=str(_DICE.randint(*COME_AGAIN_SECONDS)), **headers)


class Overloaded(ComeAgain):
    """Too much is under way at once. Nothing happened; try again soon."""

    code, title, proxy_error = "overloaded", "Overloaded", "connection_limit_reached"


class CircuitOpen(ComeAgain):
    """The service behind this address fails, and is left alone for a moment. Nothing happened; try again soon."""

    code, title, proxy_error = "circuit_open", "Service failing", "destination_unavailable"


class NoEndpoint(ComeAgain):
    """No address is known of the service behind this one. Nothing happened; try again soon."""

    code, title, proxy_error = "no_endpoint", "Service not found", "destination_unavailable"


class NoKeys(Refusal, KeysUnavailable):
    """The keys that verify access tokens could not be read yet. Try again soon."""

    proxy_error = "proxy_internal_response"


class GatewayBug(Refusal, InternalError):
    """The gateway failed. It has been logged under this request id."""

    proxy_error = "proxy_internal_error"
