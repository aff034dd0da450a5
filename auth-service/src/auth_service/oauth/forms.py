"""The bodies of OAuth requests: forms, read so that each has one meaning.

A reader of our own, because the one that FastAPI would take (python-multipart) keeps the last of repeated parameters,
replaces what is no UTF-8, and brings a parser of file uploads to the one service that must not have any.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import AfterValidator, BaseModel, ValidationError

from auth_service.oauth.errors import InvalidRequest

__all__ = ["Visible", "form_of", "takes_form"]

MEDIA_TYPE = "application/x-www-form-urlencoded"

# A percent sign begins two hexadecimal digits; in a form, everything but ASCII is written so.
_ENCODED = re.compile(rb"(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
_VISIBLE = re.compile(r"[\x20-\x7e]*")

Model = TypeVar("Model", bound=BaseModel)


def _visible(value: str) -> str:
    if not _VISIBLE.fullmatch(value):
        raise ValueError("must be printable ASCII")
    return value


Visible = Annotated[str, AfterValidator(_visible)]
"""What every parameter of ours is: printable ASCII (RFC 6749 appendix A)."""


def form_of(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Return a dependency that reads the request's form as `model`.

    It raises `InvalidRequest` for what is no such form, and any `OAuthError` that the model's validators raise.
    """

    async def read(request: Request) -> Model:
        if _media_types(request) != [MEDIA_TYPE]:
            raise InvalidRequest(f"The body must be a form and say so: Content-Type: {MEDIA_TYPE}")
        try:
            return model.model_validate(_parameters(await request.body()))
        except ValidationError as error:
            raise InvalidRequest(_in_words(error)) from None

    return read


def takes_form(model: type[BaseModel]) -> dict[str, object]:
    """Return the `openapi_extra=` of a route that reads its form as `model`."""
    return {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": model.model_json_schema()}}}}


def _media_types(request: Request) -> list[str]:
    return [field.partition(";")[0].strip().lower() for field in request.headers.getlist("content-type")]


def _parameters(body: bytes) -> dict[str, str]:
    """Return the parameters that have a value: without one they count as absent (RFC 6749 section 3.2)."""
    try:
        if not _ENCODED.fullmatch(body):
            raise ValueError
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        raise InvalidRequest("The body is not a well-formed form in UTF-8") from None
    parameters = dict(pairs)
    # Also of those that nobody here knows, and would else ignore (RFC 6749 sections 3.1 and 3.2).
    if len(parameters) != len(pairs):
        raise InvalidRequest("A parameter is repeated")
    return {name: value for name, value in parameters.items() if value}


def _in_words(error: ValidationError) -> str:
    # The first fault will do: a name of ours, what is wrong with it, and never the value, which may be a token.
    fault = error.errors(include_input=False, include_url=False)[0]
    name = ".".join(map(str, fault["loc"]))
    return (
        f"{name} is missing" if fault["type"] == "missing" else f"{name} {fault['msg'].removeprefix('Value error, ')}"
    )
