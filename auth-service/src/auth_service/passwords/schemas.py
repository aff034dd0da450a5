"""What clients send to get another password."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from auth_service.accounts import EmailAddress
from auth_service.one_time import LinkToken
from shared.bodies import Text

__all__ = ["ChosenPassword", "Forgot", "PasswordChange", "PasswordReset", "PasswordText"]

PasswordText = Annotated[Text, Field(repr=False, max_length=1024, examples=["correct horse battery staple"])]
"""Its bound is far above the policy's: what is longer is refused before the cost of normalising it."""

ChosenPassword = Annotated[
    PasswordText,
    Field(description="8 to 256 characters of any kind, and no common password. Nothing is trimmed or cut off."),
]


class PasswordChange(BaseModel):
    """Another password, by somebody who knows the present one."""

    model_config = ConfigDict(extra="forbid")

    current_password: PasswordText
    new_password: ChosenPassword
    revoke_others: Annotated[StrictBool, Field(description="End all your other sessions.")] = True


class Forgot(BaseModel):
    """Whose password is forgotten."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress


class PasswordReset(BaseModel):
    """Another password, by somebody who reads the account's mail."""

    model_config = ConfigDict(extra="forbid")

    token: LinkToken
    new_password: ChosenPassword
