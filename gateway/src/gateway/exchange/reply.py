"""The answer on its way out: whoever made it, its head leaves with the same fields."""

import time
from email.utils import formatdate

from starlette.types import Message, Send

from gateway.heads.headers import Pairs

__all__ = ["Reply", "standing_fields"]

RATE_LIMIT_FIELDS = (b"ratelimit", b"ratelimit-policy")


def standing_fields(public_url: str) -> Pairs:
    """Return what every answer carries unless its maker said otherwise: an API's answers are for scripts alone."""
    fields: Pairs = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"DENY"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
        (b"cross-origin-resource-policy", b"same-origin"),
    ]
    if public_url.startswith("https://"):
        fields.append((b"strict-transport-security", b"max-age=31536000"))
    return fields


class _Clock:
    """The time as `Date` has it, made anew once a second."""

    def __init__(self) -> None:
        self._second = 0
        self._text = b""

    def now(self) -> bytes:
        second = int(time.time())
        if second != self._second:
            self._second, self._text = second, formatdate(second, usegmt=True).encode()
        return self._text


_clock = _Clock()


class Reply:
    """The `send` of one request: adds `fixed` and, where absent, `standing` to the head, and counts what leaves.

    `fixed` has the request id, so no other one leaves. `limit`, where the client stands, leaves unless the answer's
    maker says where it does: that one's limit may be the narrower one, and two in one field would take one syntax.
    """

    __slots__ = ("_fixed", "_send", "_standing", "bytes_out", "limit", "status")

    def __init__(self, send: Send, fixed: Pairs, standing: Pairs) -> None:
        self.status = 0
        self.bytes_out = 0
        self.limit: Pairs = []
        self._send = send
        self._fixed = fixed
        self._standing = standing

    @property
    def is_started(self) -> bool:
        """Whether the head has left: from then on nothing else can be answered."""
        return self.status != 0

    async def __call__(self, message: Message) -> None:
        """Send a message of an ASGI application."""
        if message["type"] == "http.response.start":
            await self.start(message["status"], message.get("headers", []))
        else:
            await self.body(message.get("body", b""), more=message.get("more_body", False))

    async def start(self, status: int, headers: Pairs) -> None:
        """Send the head."""
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": self._dressed(headers)})

    async def body(self, chunk: bytes, *, more: bool) -> None:
        """Send a piece of the body, the last one without `more`; waits while the client does not keep up."""
        self.bytes_out += len(chunk)
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    def _dressed(self, headers: Pairs) -> Pairs:
        names: set[bytes] = set()
        varying: list[bytes] = []
        dressed: Pairs = []
        for pair in headers:
            if pair[0] == b"vary":
                varying.append(pair[1])
            elif pair[0] != b"x-request-id":
                names.add(pair[0])
                dressed.append(pair)
        dressed.append((b"vary", _merged_vary(varying) if varying else b"Origin"))
        dressed += self._fixed
        if names.isdisjoint(RATE_LIMIT_FIELDS):
            dressed += self.limit
        dressed += [pair for pair in self._standing if pair[0] not in names]
        if b"date" not in names:
            dressed.append((b"date", _clock.now()))
        return dressed


def _merged_vary(values: list[bytes]) -> bytes:
    """All of `values` and `Origin` in one field: caches must tell origins apart, also where no origin was sent."""
    names = [name.strip() for value in values for name in value.split(b",") if name.strip()]
    if b"*" in names:
        return b"*"
    present = {name.lower() for name in names}
    return b", ".join(names if b"origin" in present else [*names, b"Origin"])
