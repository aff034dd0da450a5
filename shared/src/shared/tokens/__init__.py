"""Access tokens, verified strictly: `await Verifier(settings, keys).verify(token)` gives a `Principal` or raises.

Accepted are our own tokens (`at+jwt`), signed ES256 by the auth-service or HS256 with BETTER_AUTH_SECRET, and tokens
of a Better Auth frontend, signed HS256 with the same secret or by the keys at BETTER_AUTH_JWKS_URL. Which kind a token
is, its `typ` and `alg` decide; each kind pins its algorithm and its keys (RFC 8725 sections 3.1 and 3.12).

A resource server calls `opening.open_verifier`, which also follows what has been revoked; `shared.caller` asks it.
Here is what all may know of tokens; verifying takes a library of cryptography, and stays with those who import it.
"""

from shared.tokens.bearer import bearer_token
from shared.tokens.errors import InvalidToken, KeysUnavailable, MissingToken, Reason, RevocationsStale
from shared.tokens.principal import Principal
from shared.tokens.revocations import Revocation, Revocations

__all__ = [
    "InvalidToken",
    "KeysUnavailable",
    "MissingToken",
    "Principal",
    "Reason",
    "Revocation",
    "Revocations",
    "RevocationsStale",
    "bearer_token",
]
