"""The forms of a request target (RFC 9112 section 3.2): which host, path and query it names."""

import re
from urllib.parse import unquote

from starlette.types import Scope

from gateway.problems import BadTarget

__all__ = ["complete_scope"]

_ABSOLUTE = re.compile(rb"https?://([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)


def complete_scope(scope: Scope, target: bytes) -> None:
    """Put path and query of `target` into `scope`, with the bytes that were sent; `#` is part of them.

    The host of an absolute target takes the place of the `Host` field. Raises `BadTarget` for a target that names no
    path: `*`, which asks about the server as a whole, and the `host:port` of a tunnel.
    """
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise BadTarget("The address is neither a path nor an http address.")
        _name_host(scope, absolute[1])
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    path, _, query = target.partition(b"?")
    text = path.decode("latin-1")
    scope["path"] = unquote(text) if "%" in text else text
    scope["raw_path"], scope["query_string"] = path, query


def _name_host(scope: Scope, authority: bytes) -> None:
    """Say `authority` in the one `Host` field, which HTTP/1.0 may leave out; where there are two, they stay."""
    fields: list[tuple[bytes, bytes]] = scope["headers"]
    places = [place for place, (name, _) in enumerate(fields) if name == b"host"]
    if len(places) == 1:
        fields[places[0]] = (b"host", authority)
    elif not places and scope["http_version"] == "1.0":
        fields.append((b"host", authority))
