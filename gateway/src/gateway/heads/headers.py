"""Which header fields pass, in each direction (RFC 9110 section 7.6, RFC 9112 section 6).

Names and values are bytes as they came. Order and repeats stay; what is dropped or refused says why.
"""

import re
from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache

from gateway.problems import BadHeader, LoopDetected, UpstreamProtocol

__all__ = ["MAX_LENGTH_DIGITS", "VIA", "Pairs", "answer_fields", "request_fields"]

Pairs = list[tuple[bytes, bytes]]

VIA = b"1.1 gateway"
MAX_ANSWER_HEADER_BYTES = 65536
# As many as a number of 64 bits has. The parsers take any number of zeros before them, and others stumble over these.
MAX_LENGTH_DIGITS = 20
# A colon, a space, and the line's end.
FIELD_ENDS = 4

_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# All but the tab. A table is three times as fast as an expression, and every value of every head is looked through.
_CONTROLS = bytes([*range(9), *range(10, 32), 127])

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
# What the gateway says itself; a client must not be able to say it in the gateway's name.
_SET_HERE = frozenset(
    {b"host", b"forwarded", b"x-real-ip", b"x-request-id", b"x-request-deadline-ms", b"x-request-attempt"}
    | {b"traceparent", b"tracestate", b"via"}
)
_DROPPED = _HOP_BY_HOP | _SET_HERE | {b"expect", b"baggage", b"http2-settings"}
_DROPPED_FAMILIES = (b"x-forwarded-", b"x-user-", b"proxy-")
_PROTECTED = _SET_HERE | {b"authorization", b"cookie", b"idempotency-key", b"x-forwarded-for"}
_PROTECTED_FAMILIES = (b"content-", b"if-", b"x-forwarded-")

_ANSWER_DROPPED = _HOP_BY_HOP | {b"server", b"x-powered-by", b"x-request-id"}


class _Fate(Enum):
    PASS = auto()
    DROP = auto()
    COOKIE = auto()
    AUTHORIZATION = auto()
    VIA = auto()


@lru_cache(maxsize=4096)
def _fate(name: bytes) -> tuple[_Fate, str]:
    """What becomes of a request's field `name` (lower case), and the name as text."""
    text = name.decode("latin-1")
    if name == b"via":
        return _Fate.VIA, text
    # CGI-like servers read `_` and `.` as `-`: such a name could pass for a field that is set here.
    if name in _DROPPED or name.startswith(_DROPPED_FAMILIES) or b"_" in name or b"." in name:
        return _Fate.DROP, text
    special = {b"cookie": _Fate.COOKIE, b"authorization": _Fate.AUTHORIZATION}
    return special.get(name, _Fate.PASS), text


def request_fields(headers: Pairs, connection: Iterable[bytes], *, cookies: bool) -> list[tuple[str, str]]:
    """Return the fields of a request that go on to the upstream, as text, without those that the gateway sets.

    `connection` are the values of `Connection`; `cookies` says whether the upstream gets them. Raises `BadHeader` for
    values that would not arrive as they were sent, and `LoopDetected`.
    """
    nominated = _nominated(connection) if connection else ()
    passed: list[tuple[str, str]] = []
    vias: list[str] = []
    is_authorized = False
    for name, value in headers:
        fate, text = _fate(name)
        if fate is _Fate.DROP or name in nominated or (fate is _Fate.COOKIE and not cookies):
            continue
        sent = _as_text(text, value)
        passed.append((text, sent))
        if fate is _Fate.VIA:
            vias.append(sent)
        elif fate is _Fate.AUTHORIZATION:
            if is_authorized:
                raise BadHeader("There is more than one Authorization field.")
            is_authorized = True
    _check_loop(vias)
    return passed


def _as_text(name: str, value: bytes) -> str:
    if _has_control(value):
        raise BadHeader(f"The field {name} has a control character.")
    try:
        # The upstream client writes text as UTF-8, so nothing else arrives as the same bytes.
        return value.decode()
    except UnicodeDecodeError:
        raise BadHeader(f"The field {name} is not UTF-8.") from None


def _has_control(value: bytes) -> bool:
    return len(value.translate(None, _CONTROLS)) != len(value)


def _nominated(connection: Iterable[bytes]) -> frozenset[bytes]:
    """The fields that `Connection` declares to be for the gateway alone (RFC 9110 section 7.6.1)."""
    names = _tokens(connection)
    for name in names:
        if name in _PROTECTED or name.startswith(_PROTECTED_FAMILIES):
            raise BadHeader(f"Connection must not name {name.decode('latin-1')}, which is meant for the service.")
    return names


def _tokens(values: Iterable[bytes]) -> frozenset[bytes]:
    """The names in a list of names, in lower case."""
    return frozenset(name.strip().lower() for value in values for name in value.split(b","))


def _check_loop(vias: Iterable[str]) -> None:
    hops = [hop.split("(")[0].split() for via in vias for hop in via.split(",")]
    if sum(hop[1:2] == ["gateway"] for hop in hops) >= 2:
        raise LoopDetected


def answer_fields(raw: Pairs, status: int, *, to_head: bool) -> Pairs:
    """Return the fields of an upstream's answer that go on to the client; `to_head`: it answers a HEAD.

    Raises `UpstreamProtocol` where the answer could be read in two ways.
    """
    whole = b"".join([part for field in raw for part in field])
    if len(whole) + FIELD_ENDS * len(raw) > MAX_ANSWER_HEADER_BYTES or _has_control(whole):
        raise UpstreamProtocol
    fields: Pairs = []
    judged: dict[bytes, list[bytes]] = {}
    for raw_name, value in raw:
        fate, name = _answer_fate(raw_name)
        if fate is _Fate.PASS or (name == b"date" and name not in judged):
            fields.append((name, value))
        if fate is not _Fate.PASS:
            judged.setdefault(name, []).append(value)
    if connection := judged.get(b"connection"):
        nominated = _tokens(connection)
        fields = [field for field in fields if field[0] not in nominated]
    lengths = set(judged.get(b"content-length", ()))
    return fields + _length(lengths, status, is_coded=b"transfer-encoding" in judged, to_head=to_head)


@lru_cache(maxsize=4096)
def _answer_fate(raw_name: bytes) -> tuple[_Fate, bytes]:
    """Whether an answer's field passes as it is, and its name in lower case; raises `UpstreamProtocol` for none."""
    if not _NAME.fullmatch(raw_name):
        raise UpstreamProtocol
    name = raw_name.lower()
    is_told = name in _ANSWER_DROPPED or name in {b"content-length", b"date"} or name.startswith(b"access-control-")
    return (_Fate.DROP if is_told else _Fate.PASS), name


def _length(lengths: set[bytes], status: int, *, is_coded: bool, to_head: bool) -> Pairs:
    if len(lengths) > 1 or not all(map(_is_length, lengths)) or (lengths and is_coded and not to_head):
        raise UpstreamProtocol
    if status in {204, 304}:
        return []
    return [(b"content-length", length) for length in lengths]


def _is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) <= MAX_LENGTH_DIGITS
