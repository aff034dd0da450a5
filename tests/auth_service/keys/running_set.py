"""Two auth-services, a todo-service and the auth-worker as processes, and people who use all of them all the time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.auth_service.keys.stored import kid_of, published
from tests.auth_service.processes import START_SECONDS, environment, running
from tests.auth_service.running import PASSWORD, Device, new_address
from tests.todo_service.processes import started
from tests.waiting import until


@dataclass
class Replicas:
    """Clients of the two auth-services, and one of the todo-service, which reads the key set of the first."""

    auth: list[httpx.AsyncClient]
    todo: httpx.AsyncClient

    async def reread(self) -> None:
        """Have both auth-services read the table, as they do every half a minute."""
        for replica in self.auth:
            await published(replica)


@asynccontextmanager
async def replicas_on(auth_url: str, todo_url: str, redis_url: str) -> AsyncIterator[Replicas]:
    """Start the services, and end them after."""
    env = environment(DATABASE_URL=auth_url, REDIS_URL=redis_url)
    async with AsyncExitStack() as ending:
        auth = [await ending.enter_async_context(running(env)) for _ in range(2)]
        for replica in auth:
            await until(replica.is_up, START_SECONDS)
        jwks_url = f"{auth[0].client.base_url}/.well-known/jwks.json"
        todo = await ending.enter_async_context(started(todo_url, redis_url, AUTH_JWKS_URL=jwks_url))
        yield Replicas([replica.client for replica in auth], todo.client)


@dataclass
class Person(Device):
    """Somebody in an app, who goes round the services until `leaves` is set, and counts what was refused."""

    replicas: Replicas | None = None
    rounds: int = 0
    refused: list[str] = field(default_factory=list)

    @classmethod
    async def registered(cls, replicas: Replicas) -> "Person":
        """Return somebody who has just registered."""
        person = cls(replicas.auth[0], "body", replicas=replicas)
        await person.post("/auth/register", {"email": new_address(), "password": PASSWORD})
        return person

    @property
    def kid(self) -> str:
        """The key that signed the access token in hand."""
        return kid_of(str(self.answer["access_token"]))

    async def live(self, leaves: asyncio.Event) -> None:
        """Refresh at one replica, be somebody at the other, and have todos."""
        while not leaves.is_set():
            here, there = self.replicas.auth[:: 1 if self.rounds % 2 else -1]
            self.client = here
            self._judge(await self.refresh())
            for client, path in ((here, "/auth/me"), (there, "/auth/me"), (self.replicas.todo, "/todos")):
                self._judge(await client.get(path, headers=self.bearer))
            self.rounds += 1

    def _judge(self, answer: httpx.Response) -> None:
        if answer.status_code != 200:
            self.refused.append(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}")
