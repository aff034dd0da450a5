"""The public keys, for whoever verifies our access tokens."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from auth_service.keys.keyring import KeyRing
from auth_service.keys.schemas import KeySetPublic, PublicKeyJwk
from shared.problems import documents
from shared.tokens import KeysUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/.well-known", tags=["keys"])


async def key_ring(request: Request) -> KeyRing:
    """Return the keys of this process."""
    keys: KeyRing = request.app.state.keys
    return keys


Keys = Annotated[KeyRing, Depends(key_ring)]
"""The signing keys."""


@router.get(
    "/jwks.json",
    summary="Read the public keys",
    response_description="The key set",
    responses=documents(KeysUnavailable),
)
async def read_jwks(keys: Keys, response: Response) -> KeySetPublic:
    """Return the public keys that verify our ES256 access tokens, as a JWK set (RFC 7517 section 5).

    Choose the key by the token's `kid`, and demand `alg` ES256. Keep the set for five minutes; read it again for a
    `kid` that it lacks.
    """
    response.headers["Cache-Control"] = "public, max-age=300"
    return KeySetPublic(keys=[PublicKeyJwk.model_validate(jwk) for jwk in keys.jwks])
