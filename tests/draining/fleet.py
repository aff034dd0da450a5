"""Two replicas of everything behind names, as a deployment has them, and traffic that never waits for answers."""

import asyncio
import json
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import httpx

from devstack.ports import free_ports
from tests.draining.named_gateway import NAMES
from tests.draining.replicas import Replica, replica
from tests.metering import read
from tests.servers import PROJECT
from tests.waiting import until

HOSTS = ("127.0.0.2", "127.0.0.3")
LOOK_EVERY_SECONDS = 0.05
MOST_AT_ONCE = 100
PATIENCE_SECONDS = 90


@dataclass
class Place:
    """Where a replica of one kind runs; after a restart another one does."""

    module: str
    environment: Mapping[str, str]
    host: str
    port: int
    life: AsyncExitStack = field(default_factory=AsyncExitStack)
    now: Replica | None = None
    admin_port: int = 0

    async def start(self) -> None:
        """Run one here."""
        [self.admin_port] = free_ports(1)
        environment = {**self.environment, "ADMIN_PORT": str(self.admin_port)}
        self.now = await self.life.enter_async_context(replica(self.module, environment, self.host, self.port))

    async def restart(self) -> None:
        """Tell it to end, run a successor when it has, and return when that one has got requests."""
        assert self.now
        self.now.tell_to_end()
        # uvicorn ends by the signal that it was told to end by.
        assert await self.now.ended() in {0, -signal.SIGTERM}
        await self.start()
        await until(self.has_served, PATIENCE_SECONDS)

    async def has_served(self) -> bool:
        """Whether it has answered something but questions for its health."""
        async with httpx.AsyncClient() as client:
            found = read((await client.get(f"http://127.0.0.1:{self.admin_port}/metrics")).content)
        # Health checks have no route.
        return any("requests_total" in name and "'route': '/" in name for name in found)


@dataclass
class Traffic:
    """Requests by the clock, each at one of the gateways that were ready a moment ago."""

    gateways: list[Place]
    rate: int
    todo: str
    """What to send to the todo-service as `Authorization`."""
    auth: str
    answers: Counter[str] = field(default_factory=Counter)
    created: int = 0
    """How many todos were acknowledged."""

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Ask while entered."""
        stop, ready = asyncio.Event(), list(self.gateways)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look(ready, stop))
            tasks.create_task(self._ask_on(ready, stop))
            try:
                yield
            finally:
                stop.set()

    async def goes_on(self, more: int) -> None:
        """Return when so many more have been answered."""
        enough = self.answers.total() + more
        await until(lambda: self.answers.total() >= enough, PATIENCE_SECONDS)

    async def _look(self, ready: list[Place], stop: asyncio.Event) -> None:
        while not stop.is_set():
            ready[:] = [one for one in self.gateways if one.now and (await one.now.readiness())[0] == 200]
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _ask_on(self, ready: list[Place], stop: asyncio.Event) -> None:
        clock = asyncio.get_running_loop().time
        began, asked, under_way = clock(), 0, set()
        while not stop.is_set():
            await asyncio.sleep(max(0, began + asked / self.rate - clock()))
            await until(lambda: len(under_way) < MOST_AT_ONCE and ready, PATIENCE_SECONDS)
            asked += 1
            client = random.choice(ready).now.client
            task = asyncio.create_task(self._ask(client, asked))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _ask(self, client: httpx.AsyncClient, number: int) -> None:
        """Create a todo at every tenth turn, by turns with a key and without one; else list them, or ask for a name."""
        todo, auth = {"Authorization": self.todo}, {"Authorization": self.auth}
        key = {"Idempotency-Key": str(uuid4())} if number % 20 else {}
        try:
            if number % 10 == 0:
                answer = await client.post("/todos", json={"title": f"Todo {number}"}, headers=todo | key)
            elif number % 2:
                answer = await client.get("/todos", params={"limit": 5}, headers=todo)
            else:
                answer = await client.get("/auth/me", headers=auth)
        except httpx.TransportError as error:
            self.answers[f"{number} {error!r}"] += 1
            return
        self.created += answer.status_code == 201
        self.answers[
            "good" if answer.is_success else f"{answer.request.method} {answer.status_code} {answer.text}"
        ] += 1


@asynccontextmanager
async def two_of(module: str, environment: Mapping[str, str]) -> AsyncIterator[list[Place]]:
    """Run two services at two addresses with one port."""
    [port] = free_ports(1)
    async with _running([Place(module, environment, host, port) for host in HOSTS]) as places:
        yield places


@asynccontextmanager
async def two_gateways(
    services: Mapping[str, list[Place]], environment: Mapping[str, str]
) -> AsyncIterator[list[Place]]:
    """Run two gateways, which know the services by their names."""
    names = {f"{name}-service": [place.host for place in places] for name, places in services.items()}
    urls = {
        f"GATEWAY_UPSTREAM_{name.upper()}_URL": f"http://{name}-service:{places[0].port}"
        for name, places in services.items()
    }
    given = {
        "PYTHONPATH": str(PROJECT),
        "BIND_ADDRESS": "127.0.0.1",
        "GATEWAY_CONFIG": str(PROJECT / "gateway" / "gateway.toml"),
        NAMES: json.dumps(names),
        **urls,
        **environment,
    }
    ports = free_ports(2)
    places = [Place("tests.draining.named_gateway", given, "127.0.0.1", port) for port in ports]
    async with _running(places):
        yield places


@asynccontextmanager
async def _running(places: list[Place]) -> AsyncIterator[list[Place]]:
    async with AsyncExitStack() as stack:
        for place in places:
            await stack.enter_async_context(place.life)
        await asyncio.gather(*(place.start() for place in places))
        yield places
