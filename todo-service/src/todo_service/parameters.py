"""Query strings, read strictly: what is unknown, repeated or no decimal number is refused, never ignored or guessed."""

import re
from collections.abc import Collection
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from shared.validation import validation_problem

__all__ = ["DIGITS", "NoParameters", "Switch", "described", "read_parameters"]

WHOLE = re.compile(r"-?[0-9]{1,9}")
MAX_PARAMETERS = 50

Model = TypeVar("Model", bound=BaseModel)


def _whole(value: object) -> object:
    """Read decimal digits only: pydantic alone would also take ` 5`, `+5`, `1_0` and `5.0`."""
    if isinstance(value, str) and not WHOLE.fullmatch(value):
        msg = "must be a whole number"
        raise ValueError(msg)
    return value


def _switch(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        msg = "must be true or false"
        raise ValueError(msg)
    return value == "true" if isinstance(value, str) else value


DIGITS = BeforeValidator(_whole)
"""What makes an `int` a whole number in decimal digits. It stands last, or the schema does not show the bounds."""

Switch = Annotated[bool, BeforeValidator(_switch)]
"""`true` or `false`, and no other spelling."""


class NoParameters(BaseModel):
    """The parameters of a route that has none."""

    model_config = ConfigDict(extra="forbid")


def read_parameters(model: type[Model], raw: bytes, *, repeatable: Collection[str] = ()) -> Model:
    """Return the query string `raw` as a `model`, in which those in `repeatable` are lists. Raises `Unprocessable`."""
    values: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_PARAMETERS):
            values.setdefault(name, []).append(value)
    except ValueError:
        raise validation_problem([{"loc": ["query"], "type": "too_long", "msg": "too many parameters"}]) from None
    repeated = [name for name, given in values.items() if len(given) > 1 and name not in repeatable]
    if repeated:
        raise validation_problem([_repeated(name) for name in repeated])
    try:
        return model.model_validate({n: given if n in repeatable else given[0] for n, given in values.items()})
    except ValidationError as error:
        raise validation_problem([{**fault, "loc": ("query", *fault["loc"])} for fault in error.errors()]) from None


def described(model: type[BaseModel]) -> list[dict[str, object]]:
    """Return the OpenAPI parameter objects of `model`, which FastAPI does not see when a route reads them itself."""
    properties = model.model_json_schema()["properties"]
    return [_parameter(name, dict(schema)) for name, schema in properties.items()]


def _parameter(name: str, schema: dict[str, Any]) -> dict[str, object]:
    # That a parameter may be absent is what `required` says; a query string has no null.
    kinds = [kind for kind in schema.pop("anyOf", [{}]) if kind != {"type": "null"}]
    if schema.get("default", ...) is None:
        del schema["default"]
    description = schema.pop("description")
    whole = {"name": name, "in": "query", "required": False, "description": description}
    return {**whole, "schema": {**kinds[0], **schema}}


def _repeated(name: str) -> dict[str, object]:
    return {"loc": ["query", name], "type": "repeated", "msg": "must be given once only"}
