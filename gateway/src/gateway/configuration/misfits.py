"""What does not fit together in a configuration, each part of which may be right by itself."""

from collections import Counter
from collections.abc import Collection, Mapping

__all__ = ["OWN_PATHS", "misfits"]

OWN_PATHS = {
    "": "exact",
    "/docs": "prefix",
    "/health": "exact",
    "/livez": "exact",
    "/openapi.json": "exact",
    "/readyz": "exact",
}
"""What the gateway answers itself, and how each of these addresses matches."""


def misfits(raw: Mapping[str, object]) -> list[str]:
    """Return what does not fit together in the text of a file, whatever else is wrong with it."""
    routes = raw.get("routes")
    entries = [entry for entry in routes if isinstance(entry, dict)] if isinstance(routes, list) else []
    faults = [
        f"{entry.get('path')} has the {kind} {name!r}, which [{kind}s] does not list"
        for entry in entries
        for kind in ("upstream", "limit")
        if isinstance(name := entry.get(kind), str) and name not in _names(raw, f"{kind}s")
    ]
    faults += [
        f"{entry.get('path')} has the limit {name!r} for users, and asks for no token to tell them by"
        for entry in entries
        if entry.get("auth") == "none" and (name := entry.get("limit")) in _names_of_users(raw)
    ]
    counts = Counter(path for entry in entries if isinstance(path := entry.get("path"), str))
    faults += [f"{path} stands there {count} times" for path, count in counts.items() if count > 1]
    return faults + [f"{path} is answered by the gateway itself" for path in counts if path in OWN_PATHS]


def _names(raw: Mapping[str, object], section: str) -> Collection[str]:
    entries = raw.get(section)
    return entries if isinstance(entries, dict) else ()


def _names_of_users(raw: Mapping[str, object]) -> Collection[str]:
    limits = raw.get("limits")
    known = limits if isinstance(limits, dict) else {}
    return [name for name, limit in known.items() if isinstance(limit, dict) and limit.get("key") == "user"]
