"""Answers for clients of HTTP/1.0, which know no chunks: one without a length is collected first, and gets one."""

from gateway.exchange.visit import Visit
from gateway.heads.headers import Pairs
from gateway.problems import HttpVersion, UpstreamProtocol
from gateway.transport.answer import Answer
from gateway.transport.failures import AnswerBroken

__all__ = ["collected_for", "refuse_streams"]

MAX_COLLECTED_BYTES = 1048576


def refuse_streams(visit: Visit) -> None:
    """Raise `HttpVersion` if an answer without an end would go to a client that needs its length."""
    if visit.is_http_1_0 and visit.route is not None and visit.route.is_stream and visit.scope["method"] == "GET":
        raise HttpVersion("This address answers without an end, which takes HTTP/1.1.")


async def collected_for(visit: Visit, answer: Answer, head: Pairs) -> bytes | None:
    """Return the body of `answer`, and add its length to `head`, where the client needs it; else None, nothing is read.

    Raises `HttpVersion` for a body over 1 MiB, `UpstreamProtocol` for one that breaks off: nothing has left yet.
    """
    if not visit.is_http_1_0 or visit.scope["method"] == "HEAD" or answer.status in {204, 304}:
        return None
    if any(name == b"content-length" for name, _ in head):
        return None
    try:
        body = await _read(answer)
    except AnswerBroken:
        raise UpstreamProtocol from None
    head.append((b"content-length", str(len(body)).encode()))
    return body


async def _read(answer: Answer) -> bytes:
    body = bytearray()
    while chunk := await answer.read():
        body += chunk
        if len(body) > MAX_COLLECTED_BYTES:
            raise HttpVersion("This answer is too long to be counted first, and takes HTTP/1.1.")
    return bytes(body)
