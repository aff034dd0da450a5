"""Which pages of other origins may call: the Fetch standard's CORS protocol, decided by comparing bytes with a list."""

from gateway.configuration.config import CorsConfig
from gateway.heads.headers import Pairs
from gateway.problems import CorsForbidden
from gateway.routing import Route

__all__ = ["Cors"]

UNSAFE_METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PREFLIGHT_VARY = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
# For an address that no route has, so that the page's script gets to see the real 404.
METHODS_ANYWHERE = b"GET, POST, PUT, PATCH, DELETE"


class Cors:
    """The rules for one list of origins. Everything that depends on the origin alone is made once."""

    def __init__(self, config: CorsConfig, public_url: str) -> None:
        self._public_origin = public_url.encode()
        self._is_encrypted = public_url.startswith("https://")
        self._grants = {origin.encode(): _grant(origin.encode(), config) for origin in config.origins}
        self._preflight: Pairs = [
            (b"access-control-allow-headers", ", ".join(config.allow_headers).encode()),
            (b"access-control-max-age", str(config.max_age).encode()),
            (b"vary", PREFLIGHT_VARY),
        ]

    def grants(self, origin: bytes | None) -> Pairs:
        """Return what every answer to a request of `origin` carries, whatever its status; nothing if it is unlisted."""
        return self._grants.get(origin, []) if origin is not None else []

    def preflight(self, origin: bytes, route: Route | None) -> Pairs:
        """Return what a preflight's answer carries beside its grants; raise `CorsForbidden` for an unlisted origin."""
        if origin not in self._grants:
            raise CorsForbidden
        methods = route.listed_methods if route else METHODS_ANYWHERE
        return [(b"access-control-allow-methods", methods), *self._preflight]

    def refuse_foreign_writes(self, method: str, origin: bytes | None, scheme: str, host: bytes) -> None:
        """Raise `CorsForbidden` for a write by a page whose origin is neither listed nor the gateway's own.

        The own one is what the request itself asked, as `scheme` and the checked `host`, or PUBLIC_URL. A browser sends
        such a request without asking first if it looks like a form; without `Origin` it is no browser.
        """
        if origin is None or method not in UNSAFE_METHODS or origin in self._grants:
            return
        if origin != self._public_origin and not self._is_own(origin, scheme, host):
            raise CorsForbidden

    def _is_own(self, origin: bytes, scheme: str, host: bytes) -> bool:
        # Where the public one is encrypted, a plain page of the same host may be anybody's on the way to it.
        if self._is_encrypted and scheme != "https":
            return False
        return origin == b"%b://%b" % (scheme.encode(), host)


def _grant(origin: bytes, config: CorsConfig) -> Pairs:
    credentials: Pairs = [(b"access-control-allow-credentials", b"true")] if config.credentials else []
    exposed = (b"access-control-expose-headers", ", ".join(config.expose_headers).encode())
    return [(b"access-control-allow-origin", origin), *credentials, exposed]
