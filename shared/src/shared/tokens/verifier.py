"""The one way from a token's text to the caller that it names. Its steps are in an order that matters: cheap before
dear, and nothing that an unsigned text says is believed before its signature holds.

python-jose decides about the signature and nothing else (decision 0002).
"""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256

from jose import jws
from jose.backends.base import Key
from jose.exceptions import JWSError

from shared.metrics import Collector, Counts, Gauge
from shared.problems import Problem
from shared.tokens.cache import VerifiedTokens
from shared.tokens.claims import Claims
from shared.tokens.errors import InvalidToken, KeysUnavailable, Reason
from shared.tokens.jwks import JwksSource
from shared.tokens.keys import MAX_KID_CHARACTERS, KeySource
from shared.tokens.principal import Principal
from shared.tokens.profiles import profiles
from shared.tokens.revocations import Revocations
from shared.tokens.settings import TokenRules
from shared.tokens.strict import parse_object, token_parts

__all__ = ["Verifier"]

MAX_TOKEN_CHARACTERS = 8192
RESULTS = ("valid", "keys_unavailable", *(reason for reason in Reason if reason is not Reason.ENDED))
HEADER_MEMBERS = frozenset({"alg", "typ", "kid"})


class Verifier:
    """Verifies access tokens: our own by `keys`, a frontend's by `frontend_keys`, HS256 ones by secrets of `settings`.

    What `revocations` has ended is refused. `clock` gives the seconds of the epoch. One verifier serves one event loop.
    """

    def __init__(
        self,
        settings: TokenRules,
        keys: KeySource,
        *,
        frontend_keys: KeySource | None = None,
        revocations: Revocations | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.revocations = Revocations() if revocations is None else revocations
        self._keys = keys
        self._frontend_keys = frontend_keys
        self._clock = clock
        self._verified = VerifiedTokens()
        self.key_sets: Mapping[str, JwksSource] = {}
        """The key sets of others that it follows; for `snapshot` alone."""
        self._profiles = profiles(settings, keys, frontend_keys)
        self._results = Counts(
            "tokens_total", "Access tokens that were looked at, by what was found.", "result", RESULTS
        )
        self.metrics: list[Collector] = [
            self._results,
            Gauge(
                "revocation_lag_seconds",
                "How long ago all sessions and keys were known that had ended.",
                lambda: self.revocations.lag_seconds,
            ),
        ]

    def snapshot(self) -> dict[str, object]:
        """Return what is known of the key sets of others, for people."""
        return {name: source.snapshot() for name, source in self.key_sets.items()}

    async def verify(self, token: str) -> Principal:
        """Return whom the token names.

        Raises `InvalidToken` for every other text, and `KeysUnavailable` while no key has ever been read.
        """
        try:
            user = await self._verify(token)
        except InvalidToken as refusal:
            self._results.add(refusal.reason)
            raise
        except KeysUnavailable:
            self._results.add("keys_unavailable")
            raise
        self._results.add("valid")
        return user

    async def _verify(self, token: str) -> Principal:
        # Only what verified is remembered, so a text found there has passed all rules but those of time and revocation.
        fingerprint, changes = _fingerprint(token), self._keys.changes
        if self._frontend_keys is not None:
            changes += self._frontend_keys.changes
        user = self._verified.find(fingerprint, self._clock(), changes)
        if user is None:
            user = await self._verify_unseen(token)
            self._verified.remember(fingerprint, user, self._clock())
        if user in self.revocations:
            raise InvalidToken(Reason.REVOKED)
        return user

    async def _verify_unseen(self, token: str) -> Principal:
        try:
            header = _header(token)
            profile = self._profiles.get((header.get("typ"), header.get("alg")))
            if profile is None:
                raise InvalidToken(Reason.PROFILE)
            kid = header.get("kid")
            keys = await profile.keys(kid)
            return profile.judge(_claims(token, keys, profile.alg), self._clock(), kid)
        except Problem:
            raise
        # Whatever a hostile text breaks in a parser, such as its recursion limit, the answer is no.
        except Exception as error:
            raise InvalidToken(Reason.UNEXPECTED) from error


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
