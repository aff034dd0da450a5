"""Requests that the gateway cannot read to the end of their heads, or of their bodies."""

from collections.abc import Callable

from tests.gateway.peers import get

CHUNKED = "Transfer-Encoding: chunked"

NEVER_READ_WHOLE: dict[str, tuple[int, str, Callable[[str], str]]] = {
    "method": (400, "bad_request", lambda line: get("/todos", line, method="BREW")),
    "field": (400, "bad_request", lambda line: get("/todos", line, "a b: c")),
    "target": (400, "bad_target", lambda line: get("*", line)),
    "two lengths": (400, "bad_request", lambda line: get("/todos", line, "Content-Length: 1", "Content-Length: 2")),
    "chunk": (400, "bad_request", lambda line: get("/todos", line, CHUNKED, method="POST") + "x\r\n"),
    "head that stalls": (408, "request_timeout", lambda line: get("/todos", line).removesuffix("\r\n")),
    "target length": (414, "target_too_long", lambda line: get("/todos?" + "a" * 9000, line)),
    "head length": (431, "headers_too_large", lambda line: get("/todos", line, f"X-A: {'a' * 33_000}")),
    "tunnel": (501, "not_implemented", lambda line: get("localhost:1", line, method="CONNECT")),
    "version": (505, "http_version", lambda line: get("/todos", line).replace("1.1", "2.0", 1)),
}
"""Status and code of the answer, and the request with one more header line."""
