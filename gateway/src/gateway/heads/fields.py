"""What a request's head says, as far as the gateway goes by it."""

__all__ = ["Fields"]

_WATCHED = frozenset(
    {b"host", b"origin", b"connection", b"expect", b"content-length", b"transfer-encoding", b"traceparent"}
    | {b"authorization"}
    | {b"tracestate", b"x-request-id", b"x-forwarded-for", b"x-forwarded-proto", b"access-control-request-method"}
)


class Fields:
    """Those header fields of a request that decide what becomes of it."""

    __slots__ = ("_values",)

    def __init__(self, headers: list[tuple[bytes, bytes]]) -> None:
        values: dict[bytes, list[bytes]] = {}
        for name, value in headers:
            if name in _WATCHED:
                values.setdefault(name, []).append(value)
        self._values = values

    def all(self, name: bytes) -> list[bytes]:
        """Return every value of `name`."""
        return self._values.get(name, [])

    def one(self, name: bytes) -> bytes | None:
        """Return the value of `name` if it is there exactly once."""
        values = self._values.get(name)
        return values[0] if values is not None and len(values) == 1 else None
