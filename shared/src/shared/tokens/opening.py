"""The verifier of a resource server, with all that it follows in the background."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.metrics import Gauges
from shared.tokens.feed import followed
from shared.tokens.jwks import JwksSource
from shared.tokens.revocations import Revocations
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Verifier

__all__ = ["open_verifier"]


@asynccontextmanager
async def open_verifier(settings: TokenSettings, redis_url: str) -> AsyncIterator[Verifier]:
    """Give a verifier that knows the published keys and, by the Redis at `redis_url`, what has been revoked.

    Sources that are away keep nobody from starting: see `JwksSource` and `Revocations` for what holds until they come.
    """
    revocations = Revocations(fails_closed=settings.revocation_fail_mode == "closed")
    async with AsyncExitStack() as stack:
        keys = await stack.enter_async_context(JwksSource(str(settings.auth_jwks_url)))
        frontend_url = settings.better_auth_jwks_url
        frontend_keys = await stack.enter_async_context(JwksSource(str(frontend_url))) if frontend_url else None
        # Whoever ends a key has published its successor: better read now than with the first token that needs it.
        await stack.enter_async_context(followed(redis_url, revocations, keys.refetch))
        verifier = Verifier(settings, keys, frontend_keys=frontend_keys, revocations=revocations)
        sets = {"own": keys} | ({"frontend": frontend_keys} if frontend_keys else {})
        skipped = "Keys of the key sets that are of no use here."
        verifier.metrics.append(
            Gauges("jwks_skipped_keys", skipped, "set", lambda: {name: keys.skipped for name, keys in sets.items()})
        )
        yield verifier
