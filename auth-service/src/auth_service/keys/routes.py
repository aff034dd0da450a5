"""The public keys, for whoever verifies our access tokens."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from auth_service.keys.keyring import KeyRing
from auth_service.keys.schemas import KeySetPublic, PublicKeyJwk
from shared.entity_tags import is_known
from shared.problem_responses import documents
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
    response_model=KeySetPublic,
    response_description="The key set",
    responses={304: {"description": "You have it already."}, **documents(KeysUnavailable)},
)
async def read_jwks(keys: Keys, request: Request) -> Response:
    """Return the public keys that verify our ES256 access tokens, as a JWK set (RFC 7517 section 5).

    Choose the key by the token's `kid`, and demand `alg` ES256. Keep the set for five minutes; read it again for a
    `kid` that it lacks. With `If-None-Match`, the answer is 304 while nothing has changed.
    """
    # A service that was told of an ended key asks at once, perhaps before this replica was told.
    await keys.refresh()
    body = KeySetPublic(keys=[PublicKeyJwk.model_validate(jwk) for jwk in keys.jwks]).model_dump_json().encode()
    headers = {"Cache-Control": "public, max-age=300", "ETag": f'"{sha256(body).hexdigest()[:32]}"'}
    if is_known(request.headers.getlist("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
