"""Processes and servers start in any order: each waits for what it needs, and in the end all of it works."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from devstack.commands import Command
from devstack.environment import Addresses, environments, load_secrets
from devstack.members import PROCESSES, SERVICES, mail_catcher, members
from devstack.places import temporary_folder
from devstack.ports import free_ports
from devstack.servers import ROLES, Valkey
from tests.proofs import rounds
from tests.servers import PROJECT, migrate
from tests.waiting import until

pytestmark = pytest.mark.kills

GREEN_SECONDS = 30
ROOM = 4
"""So many times longer may it take where others are at work."""
STOP_SECONDS = 10


@contextmanager
def running(command: Command) -> Iterator[None]:
    """Run a process until the end of the block."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command.argv, cwd=command.folder, env=command.environment, **quiet)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
async def parts(new_postgres):
    """What a set consists of, none of it running, and where it will be; the databases have their tables."""
    postgres = new_postgres()
    for role in ROLES:
        await migrate(f"{role}-service", postgres.url_for(role))
    postgres.stop()
    ports = iter(free_ports(4 + len(SERVICES) + len(PROCESSES)))
    with temporary_folder() as folder, ExitStack() as stack:
        valkey = Valkey(folder / "valkey", next(ports))
        at = Addresses(
            port=next(ports),
            mail_port=next(ports),
            smtp_port=next(ports),
            service_ports={name: next(ports) for name in SERVICES},
            admin_ports={name: next(ports) for name in PROCESSES},
            database_urls={role: postgres.url_for(role) for role in ROLES},
            redis_url=valkey.url,
            gateway_config=PROJECT / "gateway" / "gateway.toml",
            data=postgres.place.data,
        )
        each = environments(at, load_secrets(folder / "secrets.env"), {"THROTTLE_FACTOR": "100000"})
        commands = [*members(PROJECT, at, each), mail_catcher(PROJECT, at, {})]
        starts = {command.name: lambda command=command: stack.enter_context(running(command)) for command in commands}
        starts |= {"postgres": postgres.start, "valkey": lambda: stack.enter_context(valkey) and valkey.start()}
        yield at, starts


class TestStarting:
    @pytest.mark.parametrize("seed", range(max(1, rounds(6))))
    async def test_in_any_order(self, parts, seed):
        """Whoever comes first is alive without the others; half a minute after the last one everything works."""
        at, starts = parts
        order = random.Random(seed).sample(sorted(starts), len(starts))
        async with httpx.AsyncClient(timeout=20) as client:
            for name in order:
                await asyncio.to_thread(starts[name])
                if name in PROCESSES:
                    await until(lambda name=name: is_answered(client, at.admin_ports[name], "/livez"), GREEN_SECONDS)
            began = time.monotonic()
            for name in PROCESSES:
                port = at.admin_ports[name]
                await until(lambda port=port: is_answered(client, port, "/readyz"), GREEN_SECONDS * ROOM)
            await until(lambda: works(client, at), GREEN_SECONDS * ROOM)

        sys.stdout.write(f"{', '.join(order)}: green after {time.monotonic() - began:.1f} s (bar: {GREEN_SECONDS} s)\n")


async def is_answered(client: httpx.AsyncClient, port: int, path: str) -> bool:
    """Whether somebody at this port says yes."""
    try:
        return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code == 200
    except httpx.TransportError:
        return False


async def works(client: httpx.AsyncClient, at: Addresses) -> bool:
    """Whether somebody new can make an account and a todo, and gets the mail."""
    person = {"email": f"ada-{time.monotonic_ns()}@example.com", "password": "correct horse battery staple 7"}
    account = await client.post(f"{at.url}/auth/register", json=person)
    if account.status_code != 201:
        return False
    headers = {"Authorization": f"Bearer {account.json()['access_token']}"}
    created = await client.post(f"{at.url}/todos", json={"title": "First"}, headers=headers)
    if created.status_code != 201:
        return False

    async def is_mailed() -> bool:
        found = (await client.get(f"{at.mail_url}/api/v1/messages")).json()["messages"]
        return any(mail["Subject"] == "Todo created: First" for mail in found)

    await until(is_mailed, GREEN_SECONDS * ROOM)
    return True
