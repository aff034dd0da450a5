"""One OpenAPI document out of those of all services: what the gateway's clients can really call."""

import json
from collections.abc import Iterator, Mapping

from gateway.configuration.config import Config
from gateway.openapi.limits import LIMIT_FIELDS, Json, Object, refused, with_limit
from gateway.problems import (
    CorsForbidden,
    ForwardedTooLarge,
    RateLimited,
    Refusal,
    UpstreamConnectTimeout,
    UpstreamProtocol,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.routing import Route, RoutingTable
from shared.problem_responses import documents

__all__ = ["Json", "merge"]

BEARER = "bearer"
PASSED_ON: tuple[type[Refusal], ...] = (
    *(CorsForbidden, ForwardedTooLarge, RateLimited, UpstreamUnreachable, UpstreamReset, UpstreamProtocol),
    *(UpstreamConnectTimeout, UpstreamTimeout),
)


def merge(config: Config, sources: Mapping[str, Json], own: Json) -> Object:
    """Return the document of the whole API.

    `sources` are the services' documents by upstream, None where there is none now; `own` is the gateway's. Paths that
    no route leads to are left out, names with two meanings get the service's name before them.
    """
    present = {name: _object(document) for name, document in sources.items() if document is not None}
    paths, components = _parts(present, RoutingTable(config))
    # The gateway is no upstream, and passes nothing on to itself.
    paths |= _object(_object(own).get("paths"))
    missing = sorted(sources.keys() - present.keys())
    return {
        "openapi": "3.1.0",
        "info": {"title": config.docs.title, "version": "1", "description": _introduction(config, missing)},
        "servers": [{"url": "/"}],
        # What asks for a token says so itself.
        "security": [],
        "paths": paths,
        "components": dict(components),
        "tags": _tags(present),
    }


def _parts(present: Mapping[str, Object], routes: RoutingTable) -> tuple[Object, dict[str, Object]]:
    """Return the paths of all documents, and by section the components that they refer to."""
    twice = _ambiguous([*present.values()])
    paths: Object = {}
    components: dict[str, Object] = {"responses": _refusals(), "headers": dict(LIMIT_FIELDS)}
    for name, document in present.items():
        renamed = _object(_renamed(document, _names(name, document, twice)))
        for section, entries in _object(renamed.get("components")).items():
            components.setdefault(section, {}).update(_object(entries))
        paths |= _exposed(renamed, name, routes)
    return paths, components


def _introduction(config: Config, missing: list[str]) -> str:
    notes = [f"> **{name}** does not answer at the moment: its part is missing here." for name in missing]
    return "\n\n".join([config.docs.introduction.strip(), *notes])


def _object(value: Json) -> Object:
    return value if isinstance(value, dict) else {}


def _entries(document: Object) -> Iterator[tuple[str, str, Json]]:
    for section, entries in _object(document.get("components")).items():
        for entry, content in _object(entries).items():
            yield section, entry, content


def _ambiguous(present: list[Object]) -> set[tuple[str, str]]:
    """The components that two services give one name and different contents."""
    seen: dict[tuple[str, str], str] = {}
    twice = set()
    for document in present:
        for section, entry, content in _entries(document):
            text = json.dumps(content, sort_keys=True)
            if seen.setdefault((section, entry), text) != text:
                twice.add((section, entry))
    return twice


def _names(upstream: str, document: Object, twice: set[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The new names of this document's components: every bearer scheme becomes one, so that one "Authorize" does."""
    names = {}
    for section, entry, content in _entries(document):
        scheme = _object(content)
        if section == "securitySchemes" and (scheme.get("type"), scheme.get("scheme")) == ("http", "bearer"):
            names[section, entry] = BEARER
        elif (section, entry) in twice:
            names[section, entry] = f"{upstream.capitalize()}_{entry}"
    return names


def _renamed(value: Json, names: Mapping[tuple[str, str], str]) -> Json:
    """Rename components where they stand, and wherever something refers to them."""
    references = {
        f"#/components/{section}/{old}": f"#/components/{section}/{new}" for (section, old), new in names.items()
    }
    schemes = {old: new for (section, old), new in names.items() if section == "securitySchemes"}

    def walk(node: Json) -> Json:
        if isinstance(node, str):
            return references.get(node, node)
        if isinstance(node, list):
            return [walk(item) for item in node]
        if not isinstance(node, dict):
            return node
        return {key: _secured(item, schemes) if key == "security" else walk(item) for key, item in node.items()}

    document = _object(walk(value))
    sections = _object(document.get("components"))
    document["components"] = {
        section: {names.get((section, entry), entry): content for entry, content in _object(entries).items()}
        for section, entries in sections.items()
    }
    return document


def _secured(requirements: Json, schemes: Mapping[str, str]) -> Json:
    if not isinstance(requirements, list):
        return requirements
    return [{schemes.get(name, name): scopes for name, scopes in _object(one).items()} for one in requirements]


def _exposed(document: Object, upstream: str, routes: RoutingTable) -> Object:
    exposed: Object = {}
    for path, operations in _object(document.get("paths")).items():
        route = routes.find(path.encode())
        if route is None or route.upstream != upstream:
            continue
        entry = {key: _operation(key, value, upstream, route) for key, value in _object(operations).items()}
        exposed[path] = {key: value for key, value in entry.items() if value is not None}
    return exposed


def _operation(method: str, operation: Json, upstream: str, route: Route) -> Json:
    """One operation of a path, with the gateway's own answers; None if the route does not take the method."""
    if not isinstance(operation, dict) or "responses" not in operation:
        return operation
    if method.upper() not in route.methods:
        return None
    responses = _object(operation["responses"])
    statuses = ["429", "502", "504", *(["413"] if "requestBody" in operation else [])]
    if method not in {"get", "head"}:
        statuses.append("403")
    added: Object = {
        status: {"$ref": f"#/components/responses/Gateway{status}"} for status in statuses if status not in responses
    }
    named: Object = {"operationId": f"{upstream}_{operation['operationId']}"} if "operationId" in operation else {}
    announced = {status: with_limit(status, _as_of_3_1(answer)) for status, answer in responses.items()}
    return {**operation, **named, "responses": {**announced, **added}}


def _as_of_3_1(answer: Json) -> Json:
    """Return a service's answer without what FastAPI says of a stream's items in the words of OpenAPI 3.2."""
    if not isinstance(answer, dict) or "content" not in answer:
        return answer
    content: Object = {
        media_type: {key: value for key, value in _object(entry).items() if key != "itemSchema"}
        for media_type, entry in _object(answer["content"]).items()
    }
    return {**answer, "content": content}


def _refusals() -> Object:
    answers = {f"Gateway{status}": _plain(answer) for status, answer in documents(*PASSED_ON).items()}
    return {**answers, "Gateway429": refused(_object(answers["Gateway429"]))}


def _plain(answer: object) -> Json:
    plain: Json = json.loads(json.dumps(answer))
    return plain


def _tags(present: Mapping[str, Object]) -> list[Json]:
    tags: list[Json] = []
    for document in present.values():
        listed = document.get("tags")
        tags += [tag for tag in listed if tag not in tags] if isinstance(listed, list) else []
    return tags
