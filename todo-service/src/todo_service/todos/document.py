"""The list's parameters as OpenAPI shows them. FastAPI does not see them, because `read_query` reads them itself."""

from typing import Any

from todo_service.todos.query import TodoQuery

__all__ = ["query_parameters"]


def query_parameters() -> list[dict[str, object]]:
    """Return the OpenAPI parameter objects of `TodoQuery`."""
    properties = TodoQuery.model_json_schema()["properties"]
    return [_parameter(name, dict(schema)) for name, schema in properties.items()]


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, object]:
    # That a parameter may be absent is what `required` says; a query string has no null.
    kinds = [kind for kind in schema.pop("anyOf", [{}]) if kind != {"type": "null"}]
    if schema.get("default", ...) is None:
        del schema["default"]
    description = schema.pop("description")
    whole = {"name": name, "in": "query", "required": False, "description": description}
    return {**whole, "schema": {**kinds[0], **schema}}
