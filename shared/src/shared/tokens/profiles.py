"""The kinds of tokens: how each is signed, by whose keys, and what it must say. No two share a (`typ`, `alg`)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from jose.backends.base import Key

from shared.tokens.claims import Claims
from shared.tokens.errors import InvalidToken, Reason
from shared.tokens.judging import Expected, better_auth_caller, own_caller
from shared.tokens.keys import KeySource, hmac_key
from shared.tokens.principal import Principal
from shared.tokens.settings import TokenRules

__all__ = ["Profile", "Profiles", "profiles"]

FRONTEND_ALGORITHMS = ("EdDSA", "ES256", "RS256")

Keys: TypeAlias = Callable[[str | None], Awaitable[tuple[Key, ...]]]
"""Returns the keys of which one must have signed a token that names this `kid`, or raises `InvalidToken`."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of token: its algorithm, its keys, and whom its claims name at a time, signed by a key of a `kid`."""

    alg: str
    keys: Keys
    judge: Callable[[Claims, float, str | None], Principal]


Profiles: TypeAlias = dict[tuple[str | None, str | None], Profile]
"""The kinds that are on, by (`typ`, `alg`)."""


def profiles(rules: TokenRules, own_keys: KeySource, frontend_keys: KeySource | None) -> Profiles:
    """Return the kinds that `rules` turn on; a frontend's tokens by its key set only with `frontend_keys`."""
    own = partial(own_caller, issuer=rules.public_url)
    published = Profile("ES256", _published(own_keys, "ES256"), partial(own, audience=rules.token_audience))
    found: Profiles = {("at+jwt", "ES256"): published}
    by_secret = Expected(
        issuer=rules.better_auth_issuer,
        audience=rules.better_auth_audience,
        requires_exp=rules.better_auth_require_exp,
        max_lifetime_seconds=rules.better_auth_max_lifetime_seconds,
    )
    if secrets := _secrets(rules):
        # A plain `jwt.decode(token, secret)` refuses every token that has an audience, so these of ours have none.
        found["at+jwt", "HS256"] = Profile("HS256", secrets, partial(own, audience=None))
        found |= _frontends(Profile("HS256", secrets, _judge(by_secret)))
    if frontend_keys is not None:
        issuer = by_secret.issuer or rules.better_auth_origin
        audience = by_secret.audience or rules.better_auth_origin
        by_key = _judge(replace(by_secret, issuer=issuer, audience=audience, requires_exp=True))
        for alg in FRONTEND_ALGORITHMS:
            found |= _frontends(Profile(alg, _published(frontend_keys, alg), by_key))
    return found


def _frontends(profile: Profile) -> Profiles:
    """Better Auth writes `typ` in some of its tokens only."""
    return {(None, profile.alg): profile, ("JWT", profile.alg): profile}


def _judge(expected: Expected) -> Callable[[Claims, float, str | None], Principal]:
    return lambda claims, now, _kid: better_auth_caller(claims, now, expected)


def _published(source: KeySource, alg: str) -> Keys:
    async def keys(kid: str | None) -> tuple[Key, ...]:
        key = None if kid is None else await source.key(kid)
        if key is None or key.alg != alg:
            raise InvalidToken(Reason.KEY)
        return (key.jose_key,)

    return keys


def _secrets(rules: TokenRules) -> Keys | None:
    configured = rules.better_auth_secret, rules.better_auth_secret_previous
    built = tuple(hmac_key(secret.get_secret_value()) for secret in configured if secret is not None)

    async def keys(_kid: str | None) -> tuple[Key, ...]:
        return built

    return None if rules.better_auth_secret is None else keys
