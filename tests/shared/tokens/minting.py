"""Tokens, keys and sources of keys made by hand, so that a test can make every wrong one; without python-jose."""

import base64
import hashlib
import hmac
import json
import secrets

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from shared.tokens import KeysUnavailable
from shared.tokens.keys import PublicKey

NOW = 1_800_000_000
PUBLIC_URL = "https://todo.example"
SECRET = "a-shared-secret-of-more-than-32-bytes"
PREVIOUS_SECRET = "the-secret-before-it-also-long-enough"
DROP = object()
"""As the value of a claim or header member: leave it out."""

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


hostile = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
"""How a property of hostile tokens is tried out."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


class Clock:
    """A clock that moves when a test says so."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def as_json(members):
    return json.dumps({name: value for name, value in members.items() if value is not DROP}).encode()


class SigningKey:
    """An ES256 key pair with the id of its public half: a new one, or that of `private`."""

    def __init__(self, kid=None, curve=None, private=None):
        self.private = private or ec.generate_private_key(curve or ec.SECP256R1())
        self.kid = kid or secrets.token_hex(8)

    def jwk(self, **changes):
        numbers = self.private.public_key().public_numbers()
        size = (self.private.key_size + 7) // 8
        members = {
            "kty": "EC",
            "crv": "P-256",
            "alg": "ES256",
            "use": "sig",
            "kid": self.kid,
            "x": b64(numbers.x.to_bytes(size, "big")),
            "y": b64(numbers.y.to_bytes(size, "big")),
        }
        return {name: value for name, value in (members | changes).items() if value is not DROP}

    def sign(self, text):
        r, s = decode_dss_signature(self.private.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class KeyTable:
    """Public keys kept by the service itself, as the auth-service does; counts how often it is asked."""

    def __init__(self, *keys):
        self.changes = 0
        self.asked = 0
        self.keys = {key.kid: PublicKey.of(key.jwk()) for key in keys}

    async def key(self, kid):
        self.asked += 1
        return self.keys.get(kid)


class NoKeysYet:
    """A source that has never read a set."""

    changes = 0

    async def key(self, kid):
        raise KeysUnavailable


def compact(header, payload, sign):
    """Join header and payload (bytes, or members to be dumped) and what `sign` makes of them."""
    parts = [part if isinstance(part, bytes) else as_json(part) for part in (header, payload)]
    signed = ".".join(b64(part) for part in parts)
    return f"{signed}.{b64(sign(signed.encode()))}"


def hmac_sha256(secret):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return lambda text: hmac.digest(key, text, hashlib.sha256)


def own_claims(**changes):
    return {
        "iss": PUBLIC_URL,
        "aud": "todo-api",
        "sub": "0198c0de-0000-7000-8000-000000000001",
        "client_id": "todo-web",
        "iat": NOW - 10,
        "exp": NOW + 590,
        "jti": "0198c0de-0000-7000-8000-00000000000a",
        "sid": "0198c0de-0000-7000-8000-00000000000b",
        "scope": "todos:read todos:write",
        "ver": 1,
        "auth_time": NOW - 10,
        "amr": ["pwd"],
        "email": "ada@example.com",
        "email_verified": False,
    } | changes


def own_token(key, *, header=None, payload=None, **claims):
    """An access token of our own, ES256; `header` members and `claims` change it, `payload` replaces its claims."""
    members = {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"} | (header or {})
    return compact(members, own_claims(**claims) if payload is None else payload, key.sign)


def own_hs256_token(*, secret=SECRET, header=None, **claims):
    """An access token of our own in HS256 mode: the same claims without `aud`, and no `kid`."""
    members = {"alg": "HS256", "typ": "at+jwt"} | (header or {})
    return compact(members, own_claims(**({"aud": DROP} | claims)), hmac_sha256(secret))


def better_auth_token(*, secret=SECRET, header=None, payload=None, **claims):
    """A token as a Better Auth frontend signs it with the shared secret."""
    members = {"alg": "HS256", "typ": "JWT"} | (header or {})
    said = {
        "sub": "Zk3v0RqTnYw8LxJ1cU5aBd7eFh9gKm2p",
        "email": "grace@example.com",
        "iat": NOW,
        "exp": NOW + 900,
    } | claims
    return compact(members, said if payload is None else payload, hmac_sha256(secret))


def high_s_twin(token):
    """The other signature that ECDSA accepts for the same text."""
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    s = P256_ORDER - int.from_bytes(raw[32:], "big")
    return f"{signed}.{b64(raw[:32] + s.to_bytes(32, 'big'))}"
