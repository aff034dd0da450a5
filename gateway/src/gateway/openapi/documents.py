"""Keeps the services' OpenAPI documents, and the merged one, fresh: a service may start later than the gateway."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Self

import httpx
import structlog

from gateway.configuration.config import Config
from gateway.openapi.merging import Json, merge

__all__ = ["Documents"]

REFRESH_SECONDS = 30.0
RETRY_SECONDS = 2.0
ASKED_AGAIN_SECONDS = 1.0
TIMEOUT_SECONDS = 2.0


class Documents:
    """The merged document as it is sent, and its entity tag."""

    def __init__(self, config: Config, own: Callable[[], dict[str, object]]) -> None:
        self._config = config
        self._own = own
        self._sources: dict[str, Json] = dict.fromkeys(config.upstreams)
        self._tags: dict[str, str] = {}
        self._body = b""
        self._etag = ""
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._client: httpx.AsyncClient

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[Self]:
        """Give the documents, asked for at once and then again every 30 seconds."""
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False) as self._client:
            self._merge()
            keeping = asyncio.create_task(self._keep_fresh(), name="documents")
            try:
                yield self
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    async def current(self) -> tuple[bytes, str]:
        """Return the merged document and its entity tag. Where a part is missing, it is asked for again first."""
        if self._is_missing and time.monotonic() - self._asked_at > ASKED_AGAIN_SECONDS:
            await self._refresh()
        return self._body, self._etag

    @property
    def _is_missing(self) -> bool:
        return None in self._sources.values()

    async def _keep_fresh(self) -> None:
        while True:
            await self._refresh()
            await asyncio.sleep(RETRY_SECONDS if self._is_missing else REFRESH_SECONDS)

    async def _refresh(self) -> None:
        async with self._asking:
            changed = await asyncio.gather(*(self._fetch(name) for name in self._sources))
            self._asked_at = time.monotonic()
            if any(changed):
                self._merge()

    async def _fetch(self, name: str) -> bool:
        """Ask one service; return whether its document changed. What cannot be had now leaves the last good one."""
        tag = self._tags.get(name)
        headers = {"If-None-Match": tag} if tag else {}
        try:
            answer = await self._client.get(f"{self._config.upstreams[name].url}/openapi.json", headers=headers)
            if answer.status_code != httpx.codes.OK:
                return False
            document: Json = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            structlog.get_logger().debug("document_missing", upstream=name, error=type(error).__name__)
            return False
        self._tags[name] = answer.headers.get("etag", "")
        changed = document != self._sources[name]
        self._sources[name] = document
        return changed

    def _merge(self) -> None:
        own: Json = json.loads(json.dumps(self._own()))
        self._body = json.dumps(merge(self._config, self._sources, own), separators=(",", ":")).encode()
        self._etag = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'
