"""All processes as `make up` starts them, through the gateway; or, with E2E_BASE_URL, a set that runs already."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from devstack.places import temporary_folder
from devstack.ports import free_ports

START_SECONDS, STOP_SECONDS, MAIL_SECONDS = 60, 10, 60


@dataclass(frozen=True, slots=True)
class RunningSet:
    """Where the set is; `folder` holds its stack.json and its output when the tests have started it."""

    url: str
    mail_url: str
    folder: Path | None = None

    def signal(self, process: str, number: signal.Signals) -> None:
        """Send a signal to one of its processes."""
        os.kill(self.stack()["processes"][process]["pid"], number)

    def stack(self) -> dict:
        """Return what stack.json says now."""
        assert self.folder is not None
        return json.loads((self.folder / "stack.json").read_text())

    def output(self) -> str:
        """Return all that its processes have printed."""
        assert self.folder is not None
        return (self.folder / "output.log").read_text()


@pytest.fixture(scope="session")
def running_set() -> Iterator[RunningSet]:
    """The set under test."""
    if url := os.environ.get("E2E_BASE_URL"):
        yield RunningSet(url.rstrip("/"), os.environ.get("E2E_MAIL_URL") or "http://127.0.0.1:8025")
        return
    # Not pytest's own folder, whose parents have mode 700: run by root, PostgreSQL could not enter it.
    with temporary_folder() as folder:
        yield from started_in(folder)


def started_in(folder: Path) -> Iterator[RunningSet]:
    """Start a set with its data in `folder`, and stop it in the end."""
    port, mail_port = free_ports(2)
    settings = {"PORT": str(port), "MAIL_PORT": str(mail_port), "LOG_FORMAT": "json"}
    limits = {"THROTTLE_FACTOR": "100000", "NOTIFY_MAX_PER_HOUR": "0"}
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "devstack", "up", "--folder", str(folder)],
            env=os.environ | settings | limits,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    running = RunningSet(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{mail_port}", folder)
    try:
        wait_until(lambda: f"ready: {running.url}" in running.output(), process, running)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_SECONDS)


def wait_until(holds: Callable[[], bool], process: subprocess.Popen[bytes], running: RunningSet) -> None:
    """Wait for a condition while the set starts; fail with its output when it does not come up."""
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        assert process.poll() is None, running.output()
        assert time.monotonic() < deadline, running.output()
        time.sleep(0.05)


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
