"""Which hosts the gateway answers for.

A page can make its own name lead to any address (DNS rebinding), and would then be of one origin with what it reads.
"""

from collections.abc import Iterable

from gateway.problems import WrongHost

__all__ = ["Hosts"]


class Hosts:
    """A list of hosts. An entry without a port stands for the host at any port; case makes no difference."""

    def __init__(self, entries: Iterable[str]) -> None:
        self._known = frozenset(entry.lower().encode() for entry in entries)

    def check(self, host: bytes) -> None:
        """Raise `WrongHost` unless the checked `host[:port]` is listed (RFC 9110 section 7.4)."""
        host = host.lower()
        name, colon, port = host.rpartition(b":")
        # The last colon of a bare IPv6 address is followed by a bracket sooner or later, that of a port never.
        without_port = name if colon and port.isdigit() else host
        if without_port not in self._known and host not in self._known:
            raise WrongHost
