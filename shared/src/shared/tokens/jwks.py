"""The key set of another service, kept at hand: read at the start, refreshed in the background, never per request."""

import asyncio
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx
import structlog

from shared.tokens.errors import KeysUnavailable
from shared.tokens.jwk import UnusableKey
from shared.tokens.keys import KeySet, PublicKey, read_key_set

__all__ = ["JwksSource"]

FETCH_SECONDS = 2.0
RETRY_SECONDS = 1.0
ASK_AGAIN_SECONDS = 10.0
MAX_BYTES = 64 * 1024

_DICE = random.SystemRandom()


class JwksSource:
    """The keys published at `url`, read and refreshed while this is entered (`async with`).

    Entering waits for the first answer, for two seconds at most, and goes on without one.
    The last good set stays in use while the source is away. Redirects and proxies are not followed: keys come from
    the configured address or from nowhere. `clock` gives seconds that only grow.
    """

    def __init__(
        self, url: str, *, refresh_seconds: float = 300.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._log = structlog.get_logger()
        self._client = httpx.AsyncClient(
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=0),
        )
        self._keys: KeySet = {}
        self._document = b""
        self._read_at: float | None = None
        self._changes = 0
        self.skipped = 0
        """How many keys of the set are of no use here."""
        self._failing = False
        self._may_ask_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run())
        # A replica that begins while the source is there knows its keys before it is asked anything.
        await asyncio.shield(self.refetch())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tasks = [task for task in (self._running, self._fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._client.aclose()

    @property
    def changes(self) -> int:
        """How often the set has changed."""
        return self._changes

    def snapshot(self) -> dict[str, object]:
        """Return the ids of the keys and how long ago the source has confirmed them (null: never), for people."""
        age = None if self._read_at is None else round(self._clock() - self._read_at)
        return {"keys": sorted(self._keys), "skipped": self.skipped, "age_seconds": age}

    async def key(self, kid: str) -> PublicKey | None:
        """Return the key of this id, or None; raises `KeysUnavailable` while no set has ever been read.

        An unknown id makes the set be read again, but at most every ten seconds whatever the ids are, so that random
        ones cost the source nothing.
        """
        if not self._keys:
            raise KeysUnavailable
        if kid not in self._keys:
            await self._ask_again()
        return self._keys.get(kid)

    def refetch(self) -> asyncio.Task[None]:
        """Have the set read again now; return who reads it, who is the one reading already if there is one."""
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _run(self) -> None:
        """Keep the set fresh: every second until the first is there, then every five minutes."""
        while True:
            await self._load()
            # Replicas that started together do not ask together for ever.
            pause = self._refresh_seconds * _DICE.uniform(0.9, 1.1) if self._keys else RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _ask_again(self) -> None:
        if self._clock() >= self._may_ask_at:
            self._may_ask_at = self._clock() + ASK_AGAIN_SECONDS
            await self._load()
        elif self._fetching is not None and not self._fetching.done():
            await self._load()

    async def _load(self) -> None:
        """Read the set; whoever asks while it is being read waits for that same answer."""
        # A caller who hangs up takes the answer from nobody else.
        await asyncio.shield(self.refetch())

    async def _fetch(self) -> None:
        try:
            document = await self._download()
            if document != self._document:
                self._take(document)
            self._read_at = self._clock()
        except (httpx.HTTPError, TimeoutError, ValueError, RecursionError) as error:
            if not self._failing:
                self._log.warning("key_set_unavailable", url=self._url, error=f"{type(error).__name__}: {error}")
            self._failing = True
            return
        self._failing = False

    async def _download(self) -> bytes:
        document = b""
        async with asyncio.timeout(FETCH_SECONDS), self._client.stream("GET", self._url) as response:
            if response.status_code != httpx.codes.OK:
                raise UnusableKey(f"the source answered {response.status_code}")
            async for chunk in response.aiter_raw():
                document += chunk
                if len(document) > MAX_BYTES:
                    raise UnusableKey(f"the set is larger than {MAX_BYTES} bytes")
        return document

    def _take(self, document: bytes) -> None:
        keys, self.skipped = read_key_set(document)
        self._keys, self._document = keys, document
        self._changes += 1
        self._log.info("key_set_loaded", url=self._url, kids=sorted(keys), skipped=self.skipped)
