"""All processes as `make up` starts them, through the gateway; or, with E2E_BASE_URL, a set that runs already."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import uuid4

import httpx
import pytest

from devstack.places import temporary_folder
from tests.running_set import RunningSet, started_in

MAIL_SECONDS = 60
PEER, PEER_SECRET = "reports", "5f0c6a3b the secret of a service"


@pytest.fixture(scope="session")
def running_set() -> Iterator[RunningSet]:
    """The set under test."""
    if url := os.environ.get("E2E_BASE_URL"):
        yield RunningSet(url.rstrip("/"), os.environ.get("E2E_MAIL_URL") or "http://127.0.0.1:8025")
        return
    # Not pytest's own folder, whose parents have mode 700: run by root, PostgreSQL could not enter it.
    peer = f"{PEER}:{sha256(PEER_SECRET.encode()).hexdigest()}"
    settings = {"LOG_LEVEL": "debug", "INTROSPECTION_CLIENTS": peer, "ACCOUNT_GRACE_DAYS": "0"}
    with temporary_folder() as folder, started_in(folder, **settings) as running:
        yield running


@dataclass(slots=True)
class Person:
    """Somebody with an account, logged in."""

    email: str
    password: str
    client: httpx.AsyncClient

    async def create(self, title: str) -> httpx.Response:
        """Create a todo."""
        return await self.client.post("/todos", json={"title": title})

    async def titles(self) -> list[str]:
        """Return the titles of this person's todos."""
        response = await self.client.get("/todos")
        assert response.status_code == 200, response.text
        return [todo["title"] for todo in response.json()]


NewPerson = Callable[[], Awaitable[Person]]


@pytest.fixture
async def new_person(running_set: RunningSet) -> AsyncIterator[NewPerson]:
    """Register people, each with a client that sends their token."""
    clients: list[httpx.AsyncClient] = []

    async def register() -> Person:
        client = httpx.AsyncClient(base_url=running_set.url, timeout=10)
        clients.append(client)
        email, password = f"ada-{uuid4()}@example.com", f"correct horse {uuid4()}"
        response = await client.post("/auth/register", json={"email": email, "password": password})
        assert response.status_code == 201, response.text
        client.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        return Person(email, password, client)

    yield register
    for client in clients:
        await client.aclose()


@pytest.fixture
async def browser_like(running_set: RunningSet) -> AsyncIterator[httpx.AsyncClient]:
    """A client without an account that sends what a page on port 3000 would."""
    async with httpx.AsyncClient(base_url=running_set.url, headers={"Origin": "http://localhost:3000"}) as client:
        yield client


Subjects = Callable[[str], Awaitable[list[str]]]


@pytest.fixture
def mails_to(running_set: RunningSet) -> Subjects:
    """Return the subjects of the mails to one address, newest first."""

    async def subjects(email: str) -> list[str]:
        async with httpx.AsyncClient(base_url=running_set.mail_url) as client:
            messages = (await client.get("/api/v1/messages", params={"limit": 500})).json()["messages"]
        return [m["Subject"] for m in messages if email in {to["Address"] for to in m["To"]}]

    return subjects


@pytest.fixture
def mail_arrives(mails_to: Subjects) -> Callable[[str, str], Awaitable[None]]:
    """Wait until a mail with this subject has reached this address; fail after a minute."""

    async def arrives(email: str, subject: str) -> None:
        async with asyncio.timeout(MAIL_SECONDS):
            while subject not in await mails_to(email):
                await asyncio.sleep(0.05)

    return arrives
