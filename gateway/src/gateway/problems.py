"""What the gateway itself answers when it cannot or will not pass a request on.

Each refusal names its cause in `Proxy-Status` too (RFC 9209), so that an operator can tell the gateway's 502 from one
that an upstream wrote. What upstreams answer, problems included, passes untouched.
"""

from collections.abc import Mapping
from random import SystemRandom
from typing import ClassVar

from shared.problems import (
    BadRequest,
    BodyTooLarge,
    Forbidden,
    InternalError,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unauthorized,
)
from shared.tokens import InvalidToken, KeysUnavailable, MissingToken

__all__ = [
    "BadFraming",
    "BadHeader",
    "BadHost",
    "BadTarget",
    "BadToken",
    "CircuitOpen",
    "ComeAgain",
    "CorsForbidden",
    "ExpectationFailed",
    "ForwardedTooLarge",
    "GatewayBug",
    "LoopDetected",
    "NoEndpoint",
    "NoKeys",
    "NoRoute",
    "NoSuchMethod",
    "NoToken",
    "Overloaded",
    "RateLimited",
    "Refusal",
    "RequestTimeout",
    "UnknownCoding",
    "UpstreamConnectTimeout",
    "UpstreamProtocol",
    "UpstreamReset",
    "UpstreamTimeout",
    "UpstreamUnreachable",
    "WrongHost",
]

COME_AGAIN_SECONDS = (1, 3)

_DICE = SystemRandom()


class Refusal(Problem):
    """The gateway did not pass the request on."""

    proxy_error: ClassVar[str] = "http_request_error"

    def __init__(self, detail: str | None = None, **headers: str) -> None:
        """Explain this occurrence in `detail`; `headers` are further fields, with `_` for `-`."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(detail, headers={"Proxy-Status": f"gateway; error={self.proxy_error}", **fields})


class BadTarget(Refusal, BadRequest):
    """The address has characters or segments that servers read in different ways."""

    code, title = "bad_target", "Bad request target"


class BadHeader(Refusal, BadRequest):
    """A header field of the request cannot be passed on safely."""

    code, title = "bad_header", "Bad header field"


class BadFraming(Refusal, BadRequest):
    """Where the body of the request ends is not clear."""

    code, title = "bad_framing", "Bad message framing"


class WrongHost(Refusal):
    """This gateway does not answer for the host that the request names; GATEWAY_HOSTS lists those it does."""

    status, code, title, proxy_error = 421, "wrong_host", "Wrong host", "http_request_denied"


class UnknownCoding(Refusal):
    """The only transfer coding that is read is `chunked`."""

    status, code, title = 501, "not_implemented", "Transfer coding not implemented"


class BadHost(Refusal, BadRequest):
    """The request must have exactly one `Host` field, with a host name and perhaps a port."""

    code, title = "bad_host", "Bad host"


class CorsForbidden(Refusal, Forbidden):
    """Pages of this origin may not call this API."""

    code, title, proxy_error = "cors_forbidden", "Origin not allowed", "http_request_denied"


class NoToken(Refusal, MissingToken):
    """This needs an access token: send `Authorization: Bearer <token>`."""

    proxy_error = "http_request_denied"


class BadToken(Refusal, Unauthorized):
    """The access token is not valid, or not any more. Refresh it or log in again."""

    code, title, proxy_error = InvalidToken.code, InvalidToken.title, "http_request_denied"
    always: ClassVar[Mapping[str, str]] = InvalidToken.always


class NoKeys(Refusal, KeysUnavailable):
    """The keys that verify access tokens could not be read yet. Try again soon."""

    proxy_error = "proxy_internal_response"


class NoRoute(Refusal, NotFound):
    """Nothing is at this address."""

    proxy_error = "destination_not_found"


class NoSuchMethod(Refusal, MethodNotAllowed):
    """This address does not answer that method; `Allow` lists those it does."""


class RateLimited(Refusal):
    """There were too many requests. Try again after `Retry-After` seconds."""

    status, code, title, proxy_error = 429, "rate_limited", "Too many requests", "http_request_denied"

    def __init__(self, seconds: int) -> None:
        """Say after how many seconds the next request is let in."""
        super().__init__(Retry_After=str(seconds))


class RequestTimeout(Refusal):
    """The body of the request did not arrive in time."""

    status, code, title = 408, "request_timeout", "Request timeout"


class ForwardedTooLarge(Refusal, BodyTooLarge):
    """The body is larger than this address takes."""


class ExpectationFailed(Refusal):
    """The only expectation that can be met is `100-continue`."""

    status, code, title = 417, "expectation_failed", "Expectation failed"


class GatewayBug(Refusal, InternalError):
    """The gateway failed. It has been logged under this request id."""

    proxy_error = "proxy_internal_error"


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


class LoopDetected(Refusal):
    """The request has been here twice before: some proxy sends it in a circle."""

    status, code, title, proxy_error = 508, "loop", "Loop detected", "proxy_loop_detected"
