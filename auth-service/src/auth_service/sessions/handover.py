"""How a client gets its tokens: the access token in the body, the refresh token there or in the cookie."""

from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.accounts import UserBrief
from auth_service.browser import Delivery, RefreshCookie, RefreshCookieDep
from auth_service.keys import TokenIssuer, TokenSubject
from auth_service.sessions.schemas import TokenResponse
from auth_service.sessions.service import SCOPES, Grant

__all__ = ["Handover", "HandoverDep"]


class Handover:
    """Writes a grant's tokens into this request's answer."""

    def __init__(self, request: Request, response: Response, cookie: RefreshCookie) -> None:
        self._request = request
        self._response = response
        self._cookie = cookie
        self._issuer: TokenIssuer = request.app.state.issuer

    def answer(self, grant: Grant) -> TokenResponse:
        """Return the tokens, and set the cookie in a cookie session.

        Raises `KeysUnavailable` while the signing key is not loaded; nothing is stored then.
        """
        token = self._issuer.issue(_subject(grant))
        # The request's line in the log names its user.
        self._request.state.user_id = str(grant.account.id)
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


def _subject(grant: Grant) -> TokenSubject:
    account, session = grant.account, grant.session
    return TokenSubject(
        user_id=account.id,
        email=account.email,
        email_verified=account.email_verified,
        token_version=account.token_version,
        session_id=session.id,
        client_id=session.client_id,
        scopes=SCOPES,
        auth_time=session.auth_time,
        amr=session.amr,
    )


async def handover(request: Request, response: Response, cookie: RefreshCookieDep) -> Handover:
    """Return what writes tokens into this request's answer."""
    return Handover(request, response, cookie)


HandoverDep = Annotated[Handover, Depends(handover)]
"""Writes tokens into this request's answer."""
