"""A device's line to the gateway, with the patience of a good client: it asks again until it knows."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import httpx

from tests.chaos.tally import Tally

NOT_CONNECTED = "no gateway"
NOTHING_HAPPENED = frozenset(
    {
        *(NOT_CONNECTED, "upstream_unreachable", "upstream_connect_timeout"),
        *("busy", "overloaded", "database_unavailable", "keys_unavailable"),
    }
)
"""What promises it (docs/problems.md): after these alone, a write that turns out to be done is a fault."""

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no 5xx."""

    status: int
    body: Any
    headers: httpx.Headers
    may_be_second: bool
    """Whether an earlier try of the same request may have been carried out, or be so still."""

    def __str__(self) -> str:
        return f"{self.status} {self.body.get('code', '')}".strip()

    @property
    def todo(self) -> dict[str, Any] | None:
        """The todo that it shows: as it was written, or as it is where the write was refused; None without one."""
        return self.body.get("current") if self.status >= 400 else self.body or None


class Line:
    """Sends each request until it has been answered. `dice` spread the tries of those who failed together."""

    def __init__(self, http: httpx.AsyncClient, tally: Tally, dice: random.Random) -> None:
        self._http, self._tally, self._dice = http, tally, dice

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Return the first answer that is no 5xx, however long it takes."""
        tries, may_be_done = 0, False
        while True:
            tries += 1
            response, code = await self._try(method, path, options)
            if response is not None and not code:
                break
            may_be_done |= code not in NOTHING_HAPPENED
            self._tally.failures[code] += 1
            pause = min(FIRST_PAUSE_SECONDS * 2 ** (tries - 1), LONGEST_PAUSE_SECONDS)
            asked_for = 0.0 if response is None else float(response.headers.get("Retry-After", 0))
            await asyncio.sleep(max(pause, asked_for) * self._dice.uniform(1.0, 1.5))
        self._tally.repeated += tries > 1
        self._tally.unknown += may_be_done
        body = response.json() if response.content else {}
        return Answer(response.status_code, body, response.headers, may_be_done)

    async def _try(self, method: str, path: str, options: dict[str, Any]) -> tuple[httpx.Response | None, str]:
        """Return the answer, and the code of the failure when it is one."""
        try:
            response = await self._http.request(method, path, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return None, NOT_CONNECTED
        except httpx.TransportError as error:
            return None, type(error).__name__
        if response.status_code < 500:
            return response, ""
        return response, response.json()["code"]
