"""What OAuth clients send, and what they get."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from auth_service.browser import Delivery
from auth_service.oauth.errors import InvalidClient, InvalidScope, UnsupportedGrantType
from auth_service.oauth.forms import Visible
from auth_service.sessions import CLIENT_IDS, SCOPES
from auth_service.sessions.schemas import SAMPLE_TOKEN

__all__ = [
    "ActiveToken",
    "InactiveToken",
    "IntrospectionRequest",
    "IssuedTokens",
    "RefreshRequest",
    "RevocationRequest",
    "ServerMetadata",
]

APP_CLIENT_ID = CLIENT_IDS[Delivery.BODY]


def _supported(grant_type: object) -> object:
    if grant_type != "refresh_token":
        raise UnsupportedGrantType
    return grant_type


def _app(client_id: str) -> str:
    # Tokens of web pages are in a cookie that no script reads, and never here.
    if client_id != APP_CLIENT_ID:
        raise InvalidClient(f"client_id must be {APP_CLIENT_ID}")
    return client_id


def _known(client_id: str) -> str:
    if client_id not in CLIENT_IDS.values():
        raise InvalidClient("client_id is none of ours")
    return client_id


class RefreshRequest(BaseModel):
    """A refresh token to exchange. The first parameter is judged first: it says what the others mean."""

    grant_type: Annotated[Literal["refresh_token"], BeforeValidator(_supported)]
    client_id: Annotated[Visible, AfterValidator(_app), Field(examples=[APP_CLIENT_ID])]
    refresh_token: Annotated[Visible, Field(repr=False, examples=[SAMPLE_TOKEN])]
    scope: Annotated[
        Visible | None, Field(description="Fewer scopes for this access token alone.", examples=["todos:read"])
    ] = None

    def scopes(self) -> tuple[str, ...]:
        """Return the scopes of the new access token; raise `InvalidScope` for any that the session does not have."""
        if self.scope is None:
            return SCOPES
        asked = self.scope.split(" ")
        if not set(asked) <= set(SCOPES):
            raise InvalidScope
        return tuple(scope for scope in SCOPES if scope in asked)


class IssuedTokens(BaseModel):
    """The tokens of a session (RFC 6749 section 5.1). `scope` is that of the access token."""

    access_token: Annotated[str, Field(repr=False, description="Send it as `Authorization: Bearer <access_token>`.")]
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a scheme, no secret
    expires_in: Annotated[int, Field(description="Seconds until the access token expires.", examples=[583])]
    refresh_token: Annotated[str, Field(repr=False, examples=[SAMPLE_TOKEN])]
    scope: Annotated[str, Field(examples=["todos:read todos:write"])]


class IntrospectionRequest(BaseModel):
    """A token to explain. A `token_type_hint` is not needed, and not looked at."""

    token: Annotated[Visible, Field(repr=False)]


class RevocationRequest(BaseModel):
    """A token to end. A `token_type_hint` is not needed, and not looked at."""

    token: Annotated[Visible, Field(repr=False, examples=[SAMPLE_TOKEN])]
    client_id: Annotated[Visible | None, AfterValidator(_known), Field(examples=[APP_CLIENT_ID])] = None


class InactiveToken(BaseModel):
    """A token that opens nothing, or that only its holder may try: why, nobody is told (RFC 7662 section 2.2)."""

    active: Literal[False] = False


class ActiveToken(BaseModel):
    """An access token that every service accepts (RFC 7662 section 2.2)."""

    active: Literal[True] = True
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # a scheme, no secret
    iss: str
    aud: Annotated[str | None, Field(description="Not in tokens that are signed with HS256.")] = None
    sub: Annotated[str, Field(description="The user's id.")]
    client_id: Annotated[str, Field(examples=["todo-web", APP_CLIENT_ID])]
    sid: Annotated[str, Field(description="The session's id.")]
    scope: Annotated[str, Field(examples=["todos:read todos:write"])]
    exp: int
    iat: int
    jti: str
    ver: int


class ServerMetadata(BaseModel):
    """What a client must know of this server (RFC 8414 section 2)."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    introspection_endpoint: str
    jwks_uri: str
    scopes_supported: list[str] = list(SCOPES)
    response_types_supported: list[str] = []
    grant_types_supported: list[str] = ["refresh_token"]
    token_endpoint_auth_methods_supported: list[str] = ["none"]
    revocation_endpoint_auth_methods_supported: list[str] = ["none"]
    introspection_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]

    @classmethod
    def of(cls, issuer: str) -> "ServerMetadata":
        """Return the metadata of the server at the origin `issuer`."""
        return cls(
            issuer=issuer,
            token_endpoint=f"{issuer}/oauth/token",
            revocation_endpoint=f"{issuer}/oauth/revoke",
            introspection_endpoint=f"{issuer}/oauth/introspect",
            jwks_uri=f"{issuer}/.well-known/jwks.json",
        )
