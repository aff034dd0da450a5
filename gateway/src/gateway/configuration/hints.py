"""Faults in the settings, in words that say where, what is wrong, and what would be right."""

from typing import get_args

from pydantic import BaseModel, ValidationError

from gateway.configuration.config import Config

__all__ = ["faults_in_environment", "faults_in_file"]

HINTS = {
    "auth": 'say "required", "optional" or "none"',
    "keepalive": "services close idle connections after 75 seconds, and the gateway has to be first",
    "max_body": "bytes; 0 where no body is taken",
    "methods": 'some of ["GET", "POST", "PUT", "PATCH", "DELETE"]; HEAD and OPTIONS come by themselves',
    "origins": 'each like "https://app.example"; * is not possible, because cookies and tokens are sent along',
    "path": 'like "/todos", once for each address',
    "upstream": "the name of a section [upstreams.<name>]",
    "url": 'like "http://todo-service:8000": the path of a request is kept as it is',
    "ADMIN_PORT": "a port, or 0 for none",
    "ALLOWED_ORIGINS": "like https://app.example, with commas",
    "AUTH_JWKS_URL": "like http://auth-service:8000/.well-known/jwks.json, at that service's own address",
    "GATEWAY_HOSTS": "like todo.example or localhost:8080, with commas",
    "GATEWAY_REPLICAS": "how many gateways share the limits, from 1",
    "PORT": "a port, from 0 to 65535",
    "PUBLIC_URL": "the origin that clients ask, like https://todo.example",
    "THROTTLE_FACTOR": "so many times what gateway.toml lets in; 1 as it stands there",
    "TRUSTED_PROXIES": "networks like 10.0.0.0/8, with commas",
}


def faults_in_environment(error: ValidationError) -> list[str]:
    """Return a line for each faulty variable."""
    return [f"{place.upper()}: {says}{_hint(place.upper())}" for place, says, _ in _each(error)]


def faults_in_file(error: ValidationError) -> list[str]:
    """Return a line for each faulty key, or for what does not fit together."""
    lines = []
    for place, says, known in _each(error):
        hint = f"; there are {', '.join(known)}" if known else _hint(place)
        lines.append(f"{place or 'routes'}: {says}{hint}")
    return lines


def _each(error: ValidationError) -> list[tuple[str, str, list[str]]]:
    """Where each fault is, what it is, and for an unknown key the known ones."""
    found = []
    for fault in error.errors(include_input=False, include_url=False):
        place, known = ".".join(str(part) for part in fault["loc"]), []
        says = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "missing":
            says = "is missing"
        elif fault["type"] == "extra_forbidden":
            says, known = "is not known", _known_beside(fault["loc"])
        found.append((place, says, known))
    return found


def _known_beside(place: tuple[int | str, ...]) -> list[str]:
    """The keys that there are where an unknown one stands."""
    here: object = Config
    for part in place[:-1]:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        else:  # a list of sections, or named ones
            here = get_args(here)[-1]
    return sorted(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _hint(place: str) -> str:
    names = [part for part in place.split(".") if not part.isdigit()]
    hint = HINTS.get(names[-1]) if names else None
    return f" ({hint})" if hint else ""
