"""What clients send and get when they register."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from auth_service.accounts.schemas import EmailAddress, NameText
from auth_service.one_time import LinkToken
from auth_service.passwords.schemas import ChosenPassword
from shared.bodies import Text

__all__ = ["Registration", "Resending", "Verification", "VerificationSent"]


class Registration(BaseModel):
    """Who wants an account."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    password: ChosenPassword
    name: NameText | None = None


class VerificationSent(BaseModel):
    """What to do next is in a mail."""

    status: Literal["verification_sent"] = "verification_sent"


class Resending(BaseModel):
    """To whom a link is mailed."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress


class Verification(BaseModel):
    """A link, and what shows that whoever follows it has asked for the account."""

    model_config = ConfigDict(extra="forbid")

    token: LinkToken
    password: Annotated[
        Text | None,
        Field(
            repr=False,
            max_length=1024,
            description="The account's, where neither the cookie of the registration nor an access token comes.",
            examples=["correct horse battery staple"],
        ),
    ] = None
