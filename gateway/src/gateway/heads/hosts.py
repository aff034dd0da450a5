"""Which hosts the gateway answers for.

A page can make its own name lead to any address (DNS rebinding), and would then be of one origin with what it reads.
"""

import re
from collections.abc import Iterable

from starlette.types import Scope

from gateway.heads.fields import Fields
from gateway.problems import BadHost, WrongHost

__all__ = ["Hosts", "host_of"]

_HOST = re.compile(rb"(?:[A-Za-z0-9._\-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


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


def host_of(scope: Scope, fields: Fields, default: bytes) -> bytes:
    """Return the host that the client asked, checked; HTTP/1.0 may leave it out, then it is `default`."""
    if not fields.all(b"host") and scope["http_version"] == "1.0":
        return default
    host = fields.one(b"host")
    if host is None or not _HOST.fullmatch(host):
        raise BadHost
    return host
