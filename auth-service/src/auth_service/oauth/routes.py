"""New tokens, revocation and introspection for OAuth clients, and the metadata by which they find these."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from auth_service.browser import Delivery
from auth_service.oauth.clients import FROM_A_SERVICE, FROM_AN_APP
from auth_service.oauth.errors import (
    NO_STORE,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
    documents_oauth,
)
from auth_service.oauth.forms import form_of, takes_form
from auth_service.oauth.introspection import Introspector
from auth_service.oauth.schemas import (
    ActiveToken,
    InactiveToken,
    IntrospectionRequest,
    IssuedTokens,
    RefreshRequest,
    RevocationRequest,
    ServerMetadata,
)
from auth_service.sessions import AccessTokens, SessionsDep, named_session
from auth_service.throttles import Limit, LimitsDep, RateLimited
from shared.problem_responses import documents
from shared.problems import BodyTooLarge, Busy, DatabaseUnavailable, OutcomeUnknown
from shared.tokens import KeysUnavailable

__all__ = ["metadata_router", "router"]

FORM_PROBLEMS = (BodyTooLarge, Busy, DatabaseUnavailable, KeysUnavailable)
"""What every route that takes a form can answer beside OAuth's errors."""


async def _keep_out_of_caches(response: Response) -> None:
    response.headers.update(NO_STORE)


router = APIRouter(prefix="/oauth", tags=["oauth"], dependencies=[Depends(_keep_out_of_caches)])
metadata_router = APIRouter(prefix="/.well-known", tags=["oauth"])


@metadata_router.get(
    "/oauth-authorization-server", summary="Read the metadata", response_description="Where everything is"
)
async def read_metadata(request: Request, response: Response) -> ServerMetadata:
    """Return what an OAuth client must know of this server (RFC 8414). Its issuer is the `iss` of our tokens."""
    response.headers["Cache-Control"] = "public, max-age=300"
    return ServerMetadata.of(request.app.state.settings.public_url)


@router.post(
    "/token",
    dependencies=FROM_AN_APP,
    summary="Get new tokens as an OAuth client",
    response_description="The session's new tokens",
    response_model=IssuedTokens,
    responses={
        **documents_oauth(InvalidRequest, InvalidClient, InvalidGrant, InvalidScope, UnsupportedGrantType),
        **documents(RateLimited, OutcomeUnknown, *FORM_PROBLEMS),
    },
    openapi_extra=takes_form(RefreshRequest),
)
async def exchange_token(
    request: Request,
    asked: Annotated[RefreshRequest, Depends(form_of(RefreshRequest))],
    limits: LimitsDep,
    sessions: SessionsDep,
    access_tokens: AccessTokens,
) -> IssuedTokens | Response:
    """Exchange a refresh token as `/auth/refresh` does, in OAuth's words (RFC 6749 section 6).

    For apps that keep the refresh token themselves; the one in a browser's cookie is no good here. `scope` narrows
    this access token alone: the refresh token stays good for all that the session may do.
    """
    scopes = asked.scopes()
    too_many = await limits.look(Limit.REFUSED_REFRESHES)
    if too_many is not None:
        return too_many
    grant = await sessions.refresh(asked.refresh_token, Delivery.BODY)
    if grant is None:
        limits.count_afterwards(Limit.REFUSED_REFRESHES)
        # Returned, not raised: what was stored about a reuse must outlast this answer (decision 0003).
        return InvalidGrant().response(request.scope)
    token = access_tokens.issue(grant, scopes)
    return IssuedTokens(
        access_token=token.text,
        expires_in=token.expires_in,
        refresh_token=grant.refresh_token,
        scope=" ".join(scopes),
    )


@router.post(
    "/revoke",
    dependencies=FROM_AN_APP,
    response_class=Response,
    summary="End a token's session",
    response_description="The token opens nothing any more, if it ever did",
    responses={**documents_oauth(InvalidRequest, InvalidClient), **documents(OutcomeUnknown, *FORM_PROBLEMS)},
    openapi_extra=takes_form(RevocationRequest),
)
async def revoke_token(
    request: Request,
    presented: Annotated[RevocationRequest, Depends(form_of(RevocationRequest))],
    sessions: SessionsDep,
) -> None:
    """End the session of a refresh or access token (RFC 7009), as `/auth/logout` does, with all its tokens.

    Who has a token may end it, whichever client it was given to: clients without a secret prove nothing else.
    """
    await sessions.log_out([presented.token], await named_session(request.app.state.verifier, presented.token))


@router.post(
    "/introspect",
    dependencies=FROM_A_SERVICE,
    summary="Ask whether an access token is good",
    response_description="What it says, or that it opens nothing",
    response_model_exclude_none=True,
    responses={**documents_oauth(InvalidRequest, InvalidClient), **documents(*FORM_PROBLEMS)},
    openapi_extra=takes_form(IntrospectionRequest),
)
async def introspect_token(
    presented: Annotated[IntrospectionRequest, Depends(form_of(IntrospectionRequest))], introspection: Introspector
) -> ActiveToken | InactiveToken:
    """Say what an access token of ours means at this moment (RFC 7662): for services that cannot verify it themselves.

    Sessions that have ended and accounts that are not active any more are known at once. Anything else, refresh tokens
    too, is `{"active": false}`.
    """
    return await introspection.explain(presented.token)
