"""How a client gets its tokens: the access token in the body, the refresh token there or in the cookie."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.accounts import UserBrief
from auth_service.browser import Delivery, RefreshCookie, RefreshCookieDep
from auth_service.keys import IssuedToken, TokenIssuer, TokenSubject
from auth_service.sessions.schemas import TokenResponse
from auth_service.sessions.service import SCOPES, Grant

__all__ = ["AccessTokens", "Handover", "HandoverDep", "SessionTokens"]


class SessionTokens:
    """Issues the access tokens of this request's answer."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._issuer: TokenIssuer = request.app.state.issuer

    def issue(self, grant: Grant, scopes: Sequence[str] = SCOPES) -> IssuedToken:
        """Return a new access token of the session, for `scopes` that the session has.

        Raises `KeysUnavailable` while the signing key is not loaded; nothing is stored then.
        """
        # The request's line in the log names its user.
        self._request.state.user_id = str(grant.account.id)
        return self._issuer.issue(_subject(grant, scopes))


async def session_tokens(request: Request) -> SessionTokens:
    """Return what issues access tokens for this request's answer."""
    return SessionTokens(request)


AccessTokens = Annotated[SessionTokens, Depends(session_tokens)]
"""Issues access tokens of sessions."""


class Handover:
    """Writes a grant's tokens into this request's answer."""

    def __init__(self, access_tokens: SessionTokens, response: Response, cookie: RefreshCookie) -> None:
        self._access_tokens = access_tokens
        self._response = response
        self._cookie = cookie

    def answer(self, grant: Grant) -> TokenResponse:
        """Return the tokens, and set the cookie in a cookie session.

        Raises what `SessionTokens.issue` raises.
        """
        token = self._access_tokens.issue(grant)
        answer = TokenResponse(
            access_token=token.text,
            token_type="Bearer",  # noqa: S106  # a scheme, no secret
            expires_in=token.expires_in,
            scope=" ".join(SCOPES),
            session_id=grant.session.id,
            user=UserBrief.model_validate(grant.account, from_attributes=True),
        )
        if grant.session.delivery == Delivery.BODY:
            answer.refresh_token = grant.refresh_token
        else:
            self._cookie.set(self._response, grant.refresh_token, grant.seconds_left)
        return answer


def _subject(grant: Grant, scopes: Sequence[str]) -> TokenSubject:
    account, session = grant.account, grant.session
    return TokenSubject(
        user_id=account.id,
        email=account.email,
        email_verified=account.email_verified,
        token_version=account.token_version,
        session_id=session.id,
        client_id=session.client_id,
        scopes=scopes,
        auth_time=session.auth_time,
        amr=session.amr,
    )


async def handover(access_tokens: AccessTokens, response: Response, cookie: RefreshCookieDep) -> Handover:
    """Return what writes tokens into this request's answer."""
    return Handover(access_tokens, response, cookie)


HandoverDep = Annotated[Handover, Depends(handover)]
"""Writes tokens into this request's answer."""
