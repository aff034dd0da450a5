"""What clients send and get when they log in, refresh and log out."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from auth_service.accounts import EmailAddress, UserBrief
from shared.bodies import Text

__all__ = ["Login", "PresentedToken", "TokenResponse"]

SAMPLE_TOKEN = "rt1.Vd0pZ3x1cG9nS2t0b2tlbi1leGFtcGxlLW5vdC1yZWFs"  # noqa: S105  # for the documentation


class Login(BaseModel):
    """Who logs in."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    password: Annotated[Text, Field(repr=False, max_length=1024, examples=["correct horse battery staple"])]
    remember: Annotated[bool, Field(description="Let the session last up to 90 days instead of 30.")] = False


class PresentedToken(BaseModel):
    """The refresh token of a session that keeps it in the app."""

    model_config = ConfigDict(extra="forbid")

    refresh_token: Annotated[Text | None, Field(repr=False, max_length=512, examples=[SAMPLE_TOKEN])] = None


class TokenResponse(BaseModel):
    """An open session's tokens. In a cookie session the refresh token is in the cookie, and not here."""

    access_token: Annotated[str, Field(repr=False, description="Send it as `Authorization: Bearer <access_token>`.")]
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.", examples=[583])]
    scope: Annotated[str, Field(examples=["todos:read todos:write"])]
    session_id: UUID
    user: UserBrief
    refresh_token: Annotated[
        str, Field(repr=False, description="Only with `X-Token-Delivery: body`.", examples=[SAMPLE_TOKEN])
    ] = ""
