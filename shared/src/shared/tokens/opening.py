"""The verifier of a resource server, with all that it follows in the background."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

from shared.metrics import Gauges
from shared.tokens.feed import followed
from shared.tokens.jwks import JwksSource
from shared.tokens.revocations import Revocations
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Verifier

__all__ = ["key_sources", "open_verifier", "skipped_keys"]


def key_sources(settings: TokenSettings) -> dict[str, JwksSource]:
    """Return the sources of published keys, each to be entered: `own`, and `frontend` where there is a URL for it."""
    urls = {"own": settings.auth_jwks_url, "frontend": settings.better_auth_jwks_url}
    return {name: JwksSource(str(url)) for name, url in urls.items() if url is not None}


def skipped_keys(sources: Mapping[str, JwksSource]) -> Gauges:
    """Return the figure of how many keys of `sources` are of no use."""
    says = "Keys of the key sets that are of no use here."
    return Gauges("jwks_skipped_keys", says, "set", lambda: {name: keys.skipped for name, keys in sources.items()})


@asynccontextmanager
async def open_verifier(settings: TokenSettings, redis_url: str) -> AsyncIterator[Verifier]:
    """Give a verifier that knows the published keys and, by the Redis at `redis_url`, what has been revoked.

    Sources that are away keep nobody from starting: see `JwksSource` and `Revocations` for what holds until they come.
    """
    revocations = Revocations(fails_closed=settings.revocation_fail_mode == "closed")
    sources = key_sources(settings)
    own, frontend = sources["own"], sources.get("frontend")
    async with AsyncExitStack() as stack:
        for source in sources.values():
            await stack.enter_async_context(source)
        # Whoever ends a key has published its successor: better read now than with the first token that needs it.
        await stack.enter_async_context(followed(redis_url, revocations, own.refetch))
        verifier = Verifier(settings, own, frontend_keys=frontend, revocations=revocations)
        verifier.metrics.append(skipped_keys(sources))
        verifier.key_sets = sources
        yield verifier
