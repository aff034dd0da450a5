"""What clients send to register."""

from pydantic import BaseModel, ConfigDict

from auth_service.accounts.schemas import EmailAddress, NameText
from auth_service.passwords.schemas import ChosenPassword

__all__ = ["Registration"]


class Registration(BaseModel):
    """Who wants an account."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    password: ChosenPassword
    name: NameText | None = None
