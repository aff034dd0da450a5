"""What clients send to get another address."""

from pydantic import BaseModel, ConfigDict

from auth_service.accounts.schemas import EmailAddress
from auth_service.one_time import LinkToken
from auth_service.passwords.schemas import PasswordText

__all__ = ["EmailChange", "EmailConfirmation"]


class EmailChange(BaseModel):
    """Another address, by somebody who knows the password."""

    model_config = ConfigDict(extra="forbid")

    new_email: EmailAddress
    password: PasswordText


class EmailConfirmation(BaseModel):
    """The new address, by somebody who reads its mail."""

    model_config = ConfigDict(extra="forbid")

    token: LinkToken
