"""Which upstream an address belongs to, decided on the bytes that the client sent and the upstream will get.

Addresses that servers read in different ways are refused instead of normalised: whatever the gateway would decide, some
service behind it could decide otherwise, and then a route's rules would apply to another address than the one reached.
"""

import re
from dataclasses import dataclass, field

from gateway.configuration.config import Auth, Config, RouteConfig
from gateway.configuration.misfits import OWN_PATHS
from gateway.problems import BadTarget

__all__ = ["Route", "RoutingTable", "check_target"]


# Segments of unreserved characters, sub-delims without ";", ":" and "@" (RFC 3986 section 3.3), none of them empty but
# the last, none a dot segment even when encoded, and no encoded slash, backslash, NUL or percent sign.
_PATH = re.compile(
    rb"(?:/(?!(?:\.|%2[eE]){1,2}(?:/|\Z))(?:[A-Za-z0-9\-._~!$&'()*+,=:@]|%(?!2[fF]|5[cC]|00|25)[0-9A-Fa-f]{2})++)*+/?"
)
_QUERY = re.compile(rb"[!-\"$-~]*")


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the routing table. `upstream` is None for what the gateway answers itself."""

    path: str
    upstream: str | None
    methods: frozenset[str]
    max_body: int
    listed_methods: bytes
    """The configured methods as a list, for a preflight's answer."""
    allow: str
    """All methods that are answered, for `Allow`."""
    auth: Auth = "none"
    is_stream: bool = False
    """Whether its answers go on until somebody ends them."""
    idle_seconds: float | None = None
    """How long the upstream may pause; None: as long as it may elsewhere."""
    max_in_flight: int | None = None
    """How many of its requests may be on their way; None: they count among all others."""
    has_keys: bool = False
    """Whether the service does a POST once, however often it comes with the same `Idempotency-Key`."""
    limit: str = ""
    """The limit that its requests count under; none for what the gateway answers itself."""


@dataclass(slots=True)
class _Node:
    children: "dict[bytes, _Node]" = field(default_factory=dict)
    exact: Route | None = None
    prefix: Route | None = None


class RoutingTable:
    """All routes. A prefix matches whole segments, and the longest one wins."""

    def __init__(self, config: Config) -> None:
        self._root = _Node()
        for path, match in OWN_PATHS.items():
            self._add(_own_route(path), match)
        for entry in config.routes:
            self._add(_route(entry), entry.match)

    def _add(self, route: Route, match: str) -> None:
        node = self._root
        for segment in route.path.encode().split(b"/")[1:]:
            node = node.children.setdefault(segment, _Node())
        if match == "exact":
            node.exact = route
        else:
            node.prefix = route

    def find(self, path: bytes) -> Route | None:
        """Return the route of a checked path, None where there is none. One trailing slash makes no difference."""
        node, found = self._root, self._root.prefix
        for segment in path.removesuffix(b"/").split(b"/")[1:]:
            child = node.children.get(segment)
            if child is None:
                return found
            node, found = child, child.prefix or found
        return node.exact or found


def check_target(path: bytes, query: bytes) -> None:
    """Raise `BadTarget` for an address that is not read by everybody alike."""
    if not path or not _PATH.fullmatch(path):
        raise BadTarget
    if not _QUERY.fullmatch(query):
        raise BadTarget("The query must consist of printable ASCII characters; encode others with %.")


def _own_route(path: str) -> Route:
    methods = ["GET", "HEAD", "OPTIONS"]
    return Route(
        path=path,
        upstream=None,
        methods=frozenset(methods),
        max_body=0,
        listed_methods=b"GET",
        allow=", ".join(methods),
    )


def _route(entry: RouteConfig) -> Route:
    answered = [*entry.methods, *(["HEAD"] if "GET" in entry.methods else []), "OPTIONS"]
    return Route(
        path=entry.path,
        upstream=entry.upstream,
        methods=frozenset(answered),
        max_body=entry.max_body,
        listed_methods=", ".join(entry.methods).encode(),
        allow=", ".join(answered),
        auth=entry.auth,
        is_stream=entry.stream is not None,
        idle_seconds=entry.idle,
        max_in_flight=entry.max_in_flight,
        has_keys=entry.idempotency_key,
        limit=entry.limit,
    )
