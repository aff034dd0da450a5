"""Every kind of token that is accepted, minted by hand: `kinds[name].token()` is a good one, and any bad one.

Better Auth's are in its exact shapes: no `typ`, ids of 32 characters, the whole user among the claims, and
`iss` = `aud` = the frontend's origin.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.shared.tokens.minting import DROP, NOW, SECRET, SigningKey, b64, compact, hmac_sha256, own_claims

FRONTEND = "https://app.example"
USER_ID = "Zk3v0RqTnYw8LxJ1cU5aBd7eFh9gKm2p"
NAMES = (
    "own by ES256",
    "own by HS256",
    "Better Auth by HS256",
    "Better Auth by EdDSA",
    "Better Auth by ES256",
    "Better Auth by RS256",
)


class Ed25519Pair:
    """An EdDSA key pair as Better Auth makes and publishes it."""

    def __init__(self, kid="J7hU2kQ9sLwXc4vB8nM1zR6tY3pD5gFa"):
        self.private = ed25519.Ed25519PrivateKey.generate()
        self.kid = kid

    def jwk(self, **changes):
        """The public half."""
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _without_drops(
            {"alg": "EdDSA", "crv": "Ed25519", "x": b64(raw), "kty": "OKP", "kid": self.kid} | changes
        )

    def sign(self, text):
        """Sign (RFC 8037)."""
        return self.private.sign(text)


class RsaPair:
    """An RS256 key pair."""

    def __init__(self, kid="frontend-rsa", bits=2048):
        self.private = rsa.generate_private_key(65537, bits)
        self.kid = kid

    def jwk(self, **changes):
        """The public half."""
        numbers = self.private.public_key().public_numbers()
        n, e = (b64(number.to_bytes((number.bit_length() + 7) // 8, "big")) for number in (numbers.n, numbers.e))
        return _without_drops({"alg": "RS256", "n": n, "e": e, "kty": "RSA", "kid": self.kid} | changes)

    def sign(self, text):
        """Sign (RFC 7518 section 3.3)."""
        return self.private.sign(text, padding.PKCS1v15(), hashes.SHA256())


def _without_drops(members):
    return {name: value for name, value in members.items() if value is not DROP}


@dataclass(frozen=True)
class Kind:
    """A kind of token, with a key that signs it."""

    name: str
    header: dict[str, object]
    claims: dict[str, object]
    sign: Callable[[bytes], bytes]
    key: object = None
    """The key pair, None for a secret."""
    now: int = NOW
    """The second in which its tokens are judged at the earliest."""
    patience: int = 0
    """How many seconds later they are judged at the latest."""

    @property
    def is_own(self):
        """Whether it is the auth-service's."""
        return self.name.startswith("own")

    def token(self, *, header=None, payload=None, sign=None, **claims):
        """A token with these changes to its header and claims; `payload` replaces the claims, as bytes."""
        head = header if isinstance(header, bytes) else self.header | (header or {})
        return compact(head, self.claims | claims if payload is None else payload, sign or self.sign)


def better_auth_claims(**changes):
    """What the `jwt` plugin of Better Auth says of a user."""
    return {
        "name": "Grace",
        "email": "grace@example.com",
        "emailVerified": True,
        "image": None,
        "createdAt": "2026-11-22T10:00:00.000Z",
        "updatedAt": "2026-11-22T10:00:00.000Z",
        "id": USER_ID,
        "iat": NOW,
        "sub": USER_ID,
        "exp": NOW + 900,
        "iss": FRONTEND,
        "aud": FRONTEND,
    } | changes


def make_pairs():
    """Return a key pair of a frontend's for each of its algorithms."""
    return {"EdDSA": Ed25519Pair(), "ES256": SigningKey("frontend-ec"), "RS256": RsaPair()}


def make_kinds(signing_key, pairs, secret=SECRET, claims=None, **judged):
    """Return every kind by its name; our own key is `signing_key`, those of a frontend are `pairs`.

    `claims` are those of our own tokens, `own_claims()` unless they are given; `judged` says when (see `Kind`).
    """
    by_secret, ours, now = hmac_sha256(secret), claims or own_claims(), judged.get("now", NOW)
    theirs = better_auth_claims(iat=now, exp=now + 900)
    own = {"alg": "ES256", "kid": signing_key.kid, "typ": "at+jwt"}
    found = [
        Kind(NAMES[0], own, ours, signing_key.sign, signing_key, **judged),
        Kind(NAMES[1], {"alg": "HS256", "typ": "at+jwt"}, ours | {"aud": DROP}, by_secret, **judged),
        Kind(NAMES[2], {"alg": "HS256", "typ": "JWT"}, theirs, by_secret, **judged),
    ]
    for alg, key in pairs.items():
        found.append(Kind(f"Better Auth by {alg}", {"alg": alg, "kid": key.kid}, theirs, key.sign, key, **judged))
    return {kind.name: kind for kind in found}
