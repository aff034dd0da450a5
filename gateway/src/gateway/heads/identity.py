"""Where a request comes from, and under which ids it is known from here on."""

import os
import re
import time
from ipaddress import ip_address
from typing import NamedTuple

from starlette.types import Scope

from gateway.configuration.settings import Environment
from gateway.heads.fields import Fields
from shared.logging import REQUEST_ID, TRACEPARENT

__all__ = ["Identities", "Identity"]

MAX_TRACESTATE_BYTES = 512
RANDOM_BYTES = 4096


class Identity(NamedTuple):
    """Who asks: the address that the request came from, how it came, and its ids."""

    request_id: str
    trace_id: str
    traceparent: str
    tracestate: str | None
    client: str
    scheme: str


class Identities:
    """Tells who asks; believes proxies in front only if they are TRUSTED_PROXIES."""

    def __init__(self, environment: Environment) -> None:
        self._trusts = environment.trusts if environment.trusted_proxies else _trusts_nobody
        self._random = _Random()

    def of(self, scope: Scope, fields: Fields) -> Identity:
        """Return the identity of a request."""
        peer = scope["client"][0] if scope["client"] else "unknown"
        scheme: str = scope["scheme"]
        inbound = client = None
        if self._trusts(peer):
            inbound = _text(fields.one(b"x-request-id"))
            client = self._forwarded(fields)
            scheme = {b"http": "http", b"https": "https"}.get(fields.one(b"x-forwarded-proto") or b"", scheme)
        request_id = inbound if inbound and REQUEST_ID.fullmatch(inbound) else self._random.uuid7()
        trace = TRACEPARENT.fullmatch(_text(fields.one(b"traceparent")) or "")
        trace_id, flags = (trace[1], trace.string[-2:]) if trace else (self._random.digits(32), "00")
        traceparent = f"00-{trace_id}-{self._random.digits(16)}-{flags}"
        return Identity(request_id, trace_id, traceparent, _tracestate(fields, trace), client or peer, scheme)

    def _forwarded(self, fields: Fields) -> str | None:
        """The right-most entry that no trusted proxy made for another: whatever is left of it, the client wrote."""
        entries = [entry.strip() for value in fields.all(b"x-forwarded-for") for entry in value.split(b",")]
        for entry in reversed(entries):
            address = _text(entry)
            if not address or not _is_address(address):
                return None
            if not self._trusts(address):
                return address
        return None


class _Random:
    """Random hexadecimal digits for ids, asked of the system for many requests at once."""

    def __init__(self) -> None:
        self._digits = ""
        self._used = 0

    def digits(self, count: int) -> str:
        """Return so many digits, of which none was returned before."""
        begin, self._used = self._used, self._used + count
        if self._used > len(self._digits):
            self._digits = os.urandom(RANDOM_BYTES).hex()
            begin, self._used = 0, count
        return self._digits[begin : self._used]

    def uuid7(self) -> str:
        """Return a UUIDv7 as text (RFC 9562 section 5.7)."""
        moment, fresh = f"{time.time_ns() // 1_000_000:012x}", self.digits(19)
        variant = "89ab"[int(fresh[3], 16) & 3]
        return f"{moment[:8]}-{moment[8:]}-7{fresh[:3]}-{variant}{fresh[4:7]}-{fresh[7:]}"


def _trusts_nobody(_: str | None) -> bool:
    return False


def _tracestate(fields: Fields, trace: re.Match[str] | None) -> str | None:
    """The vendors' part, which means nothing without a valid traceparent (W3C Trace Context section 3.3)."""
    state = ",".join(_text(value) or "" for value in fields.all(b"tracestate")) if trace else ""
    return state if 0 < len(state) <= MAX_TRACESTATE_BYTES else None


def _text(value: bytes | None) -> str | None:
    return value.decode() if value is not None and value.isascii() and b"\x00" not in value else None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    # A zone could be any text, and means nothing outside the machine that wrote it.
    return "%" not in text
