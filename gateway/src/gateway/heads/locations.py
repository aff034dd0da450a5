"""Where answers may send a client (`Location`): never to a host that only the inside knows."""

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.problems import UpstreamProtocol

__all__ = ["Locations"]

INSIDE_SUFFIXES = (".internal", ".local", ".localhost")


class Locations:
    """Knows the addresses of the upstreams, and that of the gateway as the world sees it."""

    def __init__(self, public_url: str, upstream_urls: Iterable[str], known_origins: Iterable[str]) -> None:
        self._public_url = public_url.encode()
        self._upstreams = tuple(url.encode() for url in upstream_urls)
        self._known = frozenset({public_url, *known_origins})

    def outward(self, location: bytes) -> bytes:
        """Return `location` as the client may have it; raise `UpstreamProtocol` if it leads to an inside host."""
        if location.startswith(b"/") and not location.startswith(b"//"):
            return location
        for upstream in self._upstreams:
            if location == upstream or location.startswith((upstream + b"/", upstream + b"?")):
                return self._public_url + location[len(upstream) :]
        self._check(location.decode("latin-1"))
        return location

    def _check(self, location: str) -> None:
        try:
            parts = urlsplit(location)
            host = parts.hostname
        except ValueError:
            raise UpstreamProtocol from None
        if host and f"{parts.scheme}://{parts.netloc}" not in self._known and _is_inside(host):
            raise UpstreamProtocol


def _is_inside(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(INSIDE_SUFFIXES)
