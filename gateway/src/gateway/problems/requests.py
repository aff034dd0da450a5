"""What is wrong with a request, or with who sends it."""

from collections.abc import Mapping
from typing import ClassVar

from gateway.problems.refusal import Refusal
from shared.problems import BadRequest, BodyTooLarge, Forbidden, MethodNotAllowed, NotFound, Unauthorized
from shared.tokens import InvalidToken, MissingToken

__all__ = [
    "BadFraming",
    "BadHeader",
    "BadHost",
    "BadTarget",
    "BadToken",
    "CorsForbidden",
    "ExpectationFailed",
    "ForwardedTooLarge",
    "HeadTimeout",
    "HeadersTooLarge",
    "HttpVersion",
    "LoopDetected",
    "NoRoute",
    "NoSuchMethod",
    "NoToken",
    "NoTunnel",
    "RateLimited",
    "RequestTimeout",
    "TargetTooLong",
    "UnknownCoding",
    "Unreadable",
    "WrongHost",
]


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


class LoopDetected(Refusal):
    """The request has been here twice before: some proxy sends it in a circle."""

    status, code, title, proxy_error = 508, "loop", "Loop detected", "proxy_loop_detected"


class Unreadable(Refusal, BadRequest):
    """The request is not valid HTTP/1.1."""


class HeadTimeout(Refusal):
    """The head of the request did not arrive in time."""

    status, code, title = 408, "request_timeout", "Request timeout"


class TargetTooLong(Refusal):
    """The address is too long."""

    status, code, title = 414, "target_too_long", "Address too long"


class HeadersTooLarge(Refusal):
    """The head of the request is too large."""

    status, code, title = 431, "headers_too_large", "Header fields too large"


class NoTunnel(Refusal):
    """This is no proxy: it opens no tunnels."""

    status, code, title = 501, "not_implemented", "Not implemented"


class HttpVersion(Refusal):
    """Only HTTP/1.1 is spoken here, and HTTP/1.0 where the answer has a length."""

    status, code, title = 505, "http_version", "HTTP version not supported"
