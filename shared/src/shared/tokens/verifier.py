"""The one way from a token's text to the caller that it names. Its steps are in an order that matters: cheap before
dear, and nothing that an unsigned text says is believed before its signature holds.

python-jose decides about the signature and nothing else (decision 0002).
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256

from jose import jws
from jose.backends.base import Key
from jose.exceptions import JWSError

from shared.problems import Problem
from shared.tokens.cache import VerifiedTokens
from shared.tokens.claims import Claims, Principal, Verified, better_auth_caller, own_caller
from shared.tokens.errors import InvalidToken, Reason
from shared.tokens.keys import MAX_KID_CHARACTERS, KeySource, hmac_key
from shared.tokens.settings import TokenRules
from shared.tokens.strict import parse_object, token_parts

__all__ = ["Verifier"]

MAX_TOKEN_CHARACTERS = 8192
HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of token: how it is signed, by whose keys, and what its claims must say at a given time."""

    alg: str
    keys: Callable[[str | None], Awaitable[tuple[Key, ...]]]
    judge: Callable[[Claims, float], Verified]


class Verifier:
    """Verifies access tokens: our own by the keys of `keys`, and HS256 ones by the secrets of `settings`.

    `clock` gives the seconds of the epoch. One verifier serves one event loop.
    """

    def __init__(self, settings: TokenRules, keys: KeySource, clock: Callable[[], float] = time.time) -> None:
        self._rules = settings
        self._source = keys
        self._clock = clock
        self._verified = VerifiedTokens()
        self._secrets = _hmac_keys(settings)
        self._profiles: dict[tuple[str | None, str | None], Profile] = {
            ("at+jwt", "ES256"): Profile("ES256", self._published_key, self._judge_own)
        }
        if self._secrets:
            own = Profile("HS256", self._shared_secrets, self._judge_own_symmetric)
            foreign = Profile("HS256", self._shared_secrets, self._judge_better_auth)
            self._profiles |= {("at+jwt", "HS256"): own, (None, "HS256"): foreign, ("JWT", "HS256"): foreign}

    async def verify(self, token: str) -> Principal:
        """Return whom the token names.

        Raises `InvalidToken` for every other text, and `KeysUnavailable` while no key has ever been read.
        """
        # Only what verified is remembered, so a text found there has passed all rules but that of time.
        fingerprint, now = _fingerprint(token), self._clock()
        if (principal := self._verified.find(fingerprint, now, self._source.changes)) is not None:
            return principal
        try:
            verified = await self._verify_unseen(token)
        except Problem:
            raise
        # Whatever a hostile text breaks in a parser, such as its recursion limit, the answer is no.
        except Exception as error:
            raise InvalidToken(Reason.UNEXPECTED) from error
        self._verified.remember(fingerprint, verified, self._clock())
        return verified.principal

    async def _verify_unseen(self, token: str) -> Verified:
        header = _header(token)
        profile = self._profiles.get((header.get("typ"), header.get("alg")))
        if profile is None:
            raise InvalidToken(Reason.PROFILE)
        keys = await profile.keys(header.get("kid"))
        return profile.judge(_claims(token, keys, profile.alg), self._clock())

    async def _published_key(self, kid: str | None) -> tuple[Key, ...]:
        key = None if kid is None else await self._source.key(kid)
        if key is None or key.alg != "ES256":
            raise InvalidToken(Reason.KEY)
        return (key.jose_key,)

    async def _shared_secrets(self, _kid: str | None) -> tuple[Key, ...]:
        return self._secrets

    def _judge_own(self, claims: Claims, now: float) -> Verified:
        return own_caller(claims, now, self._rules, audience=self._rules.token_audience)

    def _judge_own_symmetric(self, claims: Claims, now: float) -> Verified:
        # A plain `jwt.decode(token, secret)` refuses every token that has an audience, so these have none.
        return own_caller(claims, now, self._rules, audience=None)

    def _judge_better_auth(self, claims: Claims, now: float) -> Verified:
        return better_auth_caller(claims, now, self._rules)


def _hmac_keys(rules: TokenRules) -> tuple[Key, ...]:
    if rules.better_auth_secret is None:
        return ()
    secrets = (rules.better_auth_secret, rules.better_auth_secret_previous)
    return tuple(hmac_key(secret.get_secret_value()) for secret in secrets if secret is not None)


def _fingerprint(token: str) -> bytes:
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise InvalidToken(Reason.SHAPE)
    return sha256(token.encode()).digest()


def _header(token: str) -> dict[str, str]:
    """Return the header, of known string members only: nothing can ask for `crit`, `jku`, `x5u`, `jwk` or `zip`."""
    try:
        encoded, _, _ = token_parts(token)
    except ValueError as error:
        raise InvalidToken(Reason.SHAPE) from error
    try:
        members = parse_object(encoded)
    except (ValueError, RecursionError) as error:
        raise InvalidToken(Reason.HEADER) from error
    header = {name: value for name, value in members.items() if name in HEADER_MEMBERS and isinstance(value, str)}
    if len(header) != len(members) or len(header.get("kid", "")) > MAX_KID_CHARACTERS:
        raise InvalidToken(Reason.HEADER)
    return header


def _claims(token: str, keys: tuple[Key, ...], alg: str) -> Claims:
    for key in keys:
        try:
            payload = jws.verify(token, key, algorithms=[alg])
        except JWSError:
            continue
        try:
            return Claims(payload)
        except (ValueError, RecursionError) as error:
            raise InvalidToken(Reason.CLAIMS) from error
    raise InvalidToken(Reason.SIGNATURE)
