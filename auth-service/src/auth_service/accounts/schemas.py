"""What clients send and see of an account."""

import unicodedata
from datetime import datetime
from typing import Annotated
from uuid import UUID

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.bodies import Narrow, Text

__all__ = ["EmailAddress", "Me", "MePatch", "NameText", "UserBrief"]

MAX_EMAIL_CHARACTERS = 254


def _deliverable(address: str) -> str:
    """Return the address as mail servers write it: its domain in IDNA, its local part as typed, and in ASCII."""
    try:
        # Domains under .test are kept for trying things out (RFC 6761 section 6.2): they reach nobody.
        found = validate_email(address, check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        found = None
    if found is None or found.ascii_email is None or len(found.ascii_email) > MAX_EMAIL_CHARACTERS:
        raise ValueError("must be an e-mail address like ada@example.com")
    return found.ascii_email


EmailAddress = Annotated[
    Text,
    Field(max_length=MAX_EMAIL_CHARACTERS, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(_deliverable),
]
"""An e-mail address to which any server can deliver (RFC 5321 sections 2.4 and 4.5.3.1.3)."""


def _on_one_line(name: str) -> str:
    if any(unicodedata.category(character) in {"Cc", "Zl", "Zp"} for character in name):
        msg = "must not contain control characters or line breaks"
        raise ValueError(msg)
    return name


NameText = Annotated[Text, Field(min_length=1, max_length=100, examples=["Ada Lovelace"]), AfterValidator(_on_one_line)]
"""A name to address someone by."""


class UserBrief(BaseModel):
    """The user, as a token answer shows them."""

    id: UUID
    email: str
    name: str | None
    email_verified: bool


class Me(UserBrief):
    """Your own account."""

    created_at: datetime
    last_login_at: datetime | None


class MePatch(Narrow):
    """Changes to your account. What is absent stays as it is; `null` clears the name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Ada King"}, {"name": None}]})

    name: NameText | None = None
