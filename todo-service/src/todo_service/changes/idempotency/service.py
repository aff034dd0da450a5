"""Doing the work of a request once, however often it comes."""

import json
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import TypeAlias

from fastapi import Response
from pydantic import BaseModel

from todo_service.changes.counter import Turn
from todo_service.changes.errors import QuotaExceeded
from todo_service.changes.idempotency.errors import IdempotencyKeyReused
from todo_service.changes.idempotency.repository import Answer, KeyRepository
from todo_service.changes.models import LARGE_BYTES

__all__ = ["Keyed", "Work"]

MOST_BYTES = 64 * 1024 * 1024
"""How much room the large answers of one user may take: those to some two hundred of the largest bulks."""

Work: TypeAlias = Callable[[], Awaitable[Response]]
"""Does what a request asks for, and returns all of the answer. What it refuses, it raises."""


class Keyed:
    """One write of a user, and the key that it came with (decision 0014)."""

    def __init__(self, turn: Turn, keys: KeyRepository, key: str | None, target: str) -> None:
        """`target` tells what is asked for beside the body; it is the same when the request comes again."""
        self._turn = turn
        self._keys = keys
        self._key = key
        self._target = target

    async def answer(self, body: BaseModel | None, work: Work) -> Response:
        """Return what `work` answers or, when this request came with this key before, what it was answered then.

        The answer is stored in the transaction of the work, under the user's lock: a twin waits, and then finds it.
        Without a key this is `work` and nothing else. Raises what `work` raises, and with a key as `Turn.begin` does,
        `IdempotencyKeyReused`, and `QuotaExceeded` when no more answers can be kept: the work is undone then.
        """
        if self._key is None:
            return await work()
        await self._turn.begin()
        digest = self._digest(body)
        stored = await self._keys.find(self._key)
        if stored is None:
            response = await work()
            await self._require_room(len(response.body))
            await self._keys.add(self._key, _stored(response, digest))
            return response
        if stored.digest != digest:
            raise IdempotencyKeyReused
        return Response(stored.body, stored.status, {**stored.headers, "Idempotency-Replayed": "true"})

    async def _require_room(self, size: int) -> None:
        if size <= LARGE_BYTES:
            return
        total = await self._keys.large_total()
        if total + size > MOST_BYTES:
            detail = f"The answers that are kept for your Idempotency-Keys take {total} bytes of {MOST_BYTES}."
            raise QuotaExceeded(detail, limit=MOST_BYTES, current=total)

    def _digest(self, body: BaseModel | None) -> bytes:
        # What was sent, as it was understood: white space and the order of fields may differ. What was left out stays
        # out, so that a release with one field more knows the requests from before it.
        sent = {} if body is None else body.model_dump(mode="json", exclude_unset=True)
        return sha256(f"{self._target}\n{json.dumps(sent, sort_keys=True)}".encode()).digest()


def _stored(response: Response, digest: bytes) -> Answer:
    # A Response counts its body by itself.
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return Answer(digest, response.status_code, headers, bytes(response.body))
