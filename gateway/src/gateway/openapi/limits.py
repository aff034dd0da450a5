"""What the merged document says about limits."""

from typing import TypeAlias

__all__ = ["LIMIT_FIELDS", "Json", "Object", "refused", "with_limit"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"
Object: TypeAlias = dict[str, Json]

LIMIT_FIELDS: Object = {
    "RateLimit-Policy": {
        "description": "The limit that the request counts under: `q` requests in `w` seconds in the long run.",
        "schema": {"type": "string"},
        "example": '"api";q=600;w=60',
    },
    "RateLimit": {
        "description": "What is left of it: `r` requests at once, and as many as ever in `t` seconds. "
        "After a 429, `t` is `Retry-After`.",
        "schema": {"type": "string"},
        "example": '"api";r=42;t=2',
    },
}
RETRY_AFTER: Object = {
    "Retry-After": {"description": "Seconds until the next request is let in.", "schema": {"type": "integer"}}
}


def with_limit(status: str, answer: Json) -> Json:
    """Return a service's answer with the fields that leave with it; on successes alone, where clients look for them."""
    if not status.startswith("2") or not isinstance(answer, dict) or "$ref" in answer:
        return answer
    own = answer.get("headers", {})
    added: Object = {name: {"$ref": f"#/components/headers/{name}"} for name in LIMIT_FIELDS}
    return {**answer, "headers": {**added, **own} if isinstance(own, dict) else added}


def refused(answer: Object) -> Object:
    """Return the answer to one request too many, with its fields."""
    return {**answer, "headers": {**RETRY_AFTER, **LIMIT_FIELDS}}
