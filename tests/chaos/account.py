"""A user of the storm: an account whose session is kept up by refreshing, whatever is killed."""

import asyncio
import random
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from shared.lifespan import pause
from tests.chaos.ledger import Ledger
from tests.chaos.line import Line
from tests.chaos.tally import Tally

REFRESH_SECONDS = 10.0
PATIENCE_SECONDS = 15.0
"""More than the services' own limits, so that it is they who say what became of a request."""
GRACE_SECONDS = 30.0
"""How long a refresh whose answer was lost can be repeated (decision 0009)."""
IN_BODY = {"X-Token-Delivery": "body"}


@dataclass(slots=True)
class Account:
    """Who is logged in, on as many devices as opened a client."""

    name: str
    url: str
    tally: Tally
    dice: random.Random
    ledger: Ledger = field(init=False)
    user_id: str = ""
    _credentials: dict[str, str] = field(default_factory=dict)
    _authorization: str = ""
    _refresh_token: str = ""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.tally, self.name)
        self._credentials = {"email": f"{self.name}-{uuid4()}@example.com", "password": f"correct horse {uuid4()}"}

    def open_client(self) -> httpx.AsyncClient:
        """Return a client with connections of its own, which sends the access token of the moment."""

        async def authorize(request: httpx.Request) -> None:
            request.headers["Authorization"] = self._authorization

        hooks = {"request": [authorize]}
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS, event_hooks=hooks)

    async def register(self) -> None:
        """Open the account and its session."""
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS) as client:
            response = await client.post("/auth/register", json=self._credentials, headers=IN_BODY)
        assert response.status_code == 201, response.text
        self.user_id = response.json()["user"]["id"]
        self._take(response.json())

    async def stay_logged_in(self, stop: asyncio.Event) -> None:
        """Refresh now and then until `stop`. Who repeats a refresh soon enough is never logged out."""
        clock = asyncio.get_running_loop().time
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE_SECONDS) as client:
            line = Line(client, self.tally, self.dice)
            while not stop.is_set():
                presented, began = {"refresh_token": self._refresh_token}, clock()
                answer = await line.ask("POST", "/auth/refresh", json=presented, headers=IN_BODY)
                if answer.status == 401 and clock() > began + GRACE_SECONDS:
                    answer = await line.ask("POST", "/auth/login", json=self._credentials, headers=IN_BODY)
                    self.tally.logins += 1
                if answer.status != 200:
                    self.tally.fault(f"{self.name} is logged out: {answer}")
                    return
                self._take(answer.body)
                self.tally.refreshes += 1
                await pause(stop, self.dice.uniform(0, REFRESH_SECONDS))

    def _take(self, tokens: dict[str, str]) -> None:
        self._authorization = f"Bearer {tokens['access_token']}"
        self._refresh_token = tokens["refresh_token"]
