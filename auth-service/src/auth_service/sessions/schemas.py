"""What clients send and get when they log in, refresh, log out, and look at their sessions."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from auth_service.accounts import EmailAddress, UserBrief
from auth_service.passwords.schemas import PasswordText
from auth_service.sessions.devices import device_name
from auth_service.sessions.models import LoginSession
from shared.bodies import Text

__all__ = ["SAMPLE_TOKEN", "Login", "LogoutAll", "OpenSession", "PresentedToken", "TokenResponse"]

SAMPLE_TOKEN = "rt1.Vd0pZ3x1cG9nS2t0b2tlbi1leGFtcGxlLW5vdC1yZWFs"  # noqa: S105  # for the documentation


class Login(BaseModel):
    """Who logs in."""

    model_config = ConfigDict(extra="forbid")

    email: EmailAddress
    password: PasswordText
    remember: Annotated[StrictBool, Field(description="Let the session last up to 90 days instead of 30.")] = False


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


class LogoutAll(BaseModel):
    """Where to log out."""

    model_config = ConfigDict(extra="forbid")

    keep_current: Annotated[StrictBool, Field(description="Stay logged in here, and log out everywhere else.")] = False


class OpenSession(BaseModel):
    """One of your open sessions."""

    id: UUID
    current: Annotated[bool, Field(description="Whether the access token of this request belongs to it.")]
    device: Annotated[
        str | None, Field(description="As far as the `User-Agent` of the login told.", examples=["Firefox on Linux"])
    ]
    ip: Annotated[str | None, Field(description="Where the login came from.", examples=["192.0.2.7"])]
    created_at: datetime
    last_seen_at: Annotated[datetime, Field(description="When it was opened, or got new tokens last.")]
    amr: Annotated[list[str], Field(description="How its user was authenticated (RFC 8176).", examples=[["pwd"]])]

    @classmethod
    def of(cls, session: LoginSession, current_id: UUID) -> Self:
        """Return what its user sees of `session`."""
        return cls(
            id=session.id,
            current=session.id == current_id,
            device=device_name(session.user_agent),
            ip=session.ip and str(session.ip),
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            amr=session.amr,
        )
