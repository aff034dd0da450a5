"""Access tokens at the edge: a bad one is refused before its body is read, a good one tells whose limits count.

A shield, and never the wall. Every service verifies again, and the services alone know what has been revoked; nothing
that is found here is passed on.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

from gateway.configuration.config import Auth
from gateway.problems import BadToken, NoKeys, NoToken
from shared.metrics import Collector, Counts
from shared.tokens import InvalidToken, KeysUnavailable, MissingToken, Reason, bearer_token
from shared.tokens.opening import key_sources, skipped_keys
from shared.tokens.settings import TokenSettings
from shared.tokens.verifier import Verifier

__all__ = ["TokenCheck"]

RESULTS = ("valid", "missing", "keys_unavailable", *(each for each in Reason if each not in {"revoked", "ended"}))


class TokenCheck:
    """Judges tokens as the services do, by the same settings and keys, but without what has been revoked."""

    def __init__(self, settings: TokenSettings, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives the seconds of the epoch."""
        self._sources = sources = key_sources(settings)
        self._verifier = Verifier(settings, sources["own"], frontend_keys=sources.get("frontend"), clock=clock)
        self._verifier.key_sets = sources
        says = "Requests to routes that look at tokens, by what was found."
        self._results = Counts("gateway_tokens_total", says, "result", RESULTS)

    @asynccontextmanager
    async def following_keys(self) -> AsyncIterator[None]:
        """While entered, fetch the published keys and keep them fresh. Nobody waits for them."""
        async with AsyncExitStack() as stack:
            for source in self._sources.values():
                await stack.enter_async_context(source)
            yield

    @property
    def metrics(self) -> Iterable[Collector]:
        """What was found."""
        return (self._results, skipped_keys(self._sources))

    def snapshot(self) -> dict[str, object]:
        """Return what is known of each key set, for people."""
        return self._verifier.snapshot()

    async def user_of(self, authorizations: list[bytes], auth: Auth) -> str | None:
        """Return whom the token in `Authorization` names, None where a route of this `auth` wants none.

        Raises `NoToken`, `BadToken`, and `NoKeys` while no key has ever been read. The caller has made sure that there
        is one field at most.
        """
        if auth == "none" or (auth == "optional" and not authorizations):
            return None
        try:
            # Latin-1, as the services' server reads fields: both find the same token, or none.
            token = bearer_token(authorizations[0].decode("latin-1") if authorizations else "")
            user = await self._verifier.verify(token)
        except MissingToken:
            self._results.add("missing")
            raise NoToken from None
        except InvalidToken as refusal:
            self._results.add(refusal.reason)
            raise BadToken from None
        except KeysUnavailable:
            self._results.add("keys_unavailable")
            raise NoKeys(Retry_After=str(1 + secrets.randbelow(3))) from None
        self._results.add("valid")
        return user.id
