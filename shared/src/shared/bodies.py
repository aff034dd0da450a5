"""What a request's body may hold, field by field."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

__all__ = ["Narrow", "Text", "storable"]

MAX_MEMBERS = 50
"""More than any body of ours has members. Each unknown one is a fault, and they are told one by one."""


def storable(text: str) -> str:
    """Return `text`; raise ValueError when PostgreSQL cannot store it: a NUL, or half of a surrogate pair."""
    if "\x00" in text:
        raise ValueError("must not contain the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must not contain a lone surrogate") from None
    return text


Text = Annotated[str, AfterValidator(storable)]
"""Text that every part of the system can hold and any client can decode (RFC 8259 section 8.2)."""


class Narrow(BaseModel):
    """A JSON object that may have the members of its model only. With more than 50 they are not looked at."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_members(cls, sent: object) -> object:
        if isinstance(sent, dict) and len(sent) > MAX_MEMBERS:
            msg = f"must have at most {MAX_MEMBERS} members"
            raise ValueError(msg)
        return sent
