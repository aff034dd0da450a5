"""What a service may know of a token that it was sent, from the one place that knows at once what has ended."""

from typing import Annotated

from fastapi import Depends, Request

from auth_service.oauth.schemas import ActiveToken, InactiveToken
from auth_service.sessions import live_caller
from auth_service.settings import AuthSettings
from shared.database import Session
from shared.request_session import SessionDep
from shared.tokens import InvalidToken, Principal
from shared.tokens.verifier import Verifier

__all__ = ["Introspection", "Introspector"]


class Introspection:
    """Explains tokens, in one transaction."""

    def __init__(self, database: Session, verifier: Verifier, settings: AuthSettings) -> None:
        self._database = database
        self._verifier = verifier
        self._settings = settings

    async def explain(self, token: str) -> ActiveToken | InactiveToken:
        """Return what `token` says, if it is an access token of ours whose session and account are what they were.

        Raises `KeysUnavailable` while nobody could tell.
        """
        try:
            user = await self._verifier.verify(token)
        except InvalidToken:
            return InactiveToken()
        caller = await live_caller(user, self._database)
        return InactiveToken() if caller is None else self._active(user)

    def _active(self, user: Principal) -> ActiveToken:
        # `iss` and `aud` are what the verifier has compared with the settings; by the shared secret there is no `aud`.
        return ActiveToken.model_validate(
            {
                "iss": self._settings.public_url,
                "aud": self._settings.token_audience if user.kid else None,
                "sub": user.id,
                "client_id": user.client_id,
                "sid": user.sid,
                "scope": " ".join(sorted(user.scopes or ())),
                "exp": user.expires_at,
                "iat": user.issued_at,
                "jti": user.jti,
                "ver": user.ver,
            }
        )


async def introspection(request: Request, database: SessionDep) -> Introspection:
    """Return what explains tokens, in this request's transaction."""
    return Introspection(database, request.app.state.verifier, request.app.state.settings)


Introspector = Annotated[Introspection, Depends(introspection)]
"""Explains tokens to services."""
