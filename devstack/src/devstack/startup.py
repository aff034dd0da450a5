"""Brings the set up: servers, then migrations, then our own processes, each of the three groups side by side."""

import asyncio
import os
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path

from devstack.commands import CannotStart, Command
from devstack.environment import Addresses, environments, load_secrets
from devstack.members import PROCESSES, SERVICES, mail_catcher, members, migration
from devstack.ports import free_ports
from devstack.processes import Supervisor
from devstack.schema import is_newest
from devstack.servers import ROLES, Postgres, Server, Valkey
from devstack.stack import Stack

POSTGRES_FOLDER = "postgres"
SERVER_SECONDS = 30.0
MIGRATION_SECONDS = 60.0
READY_SECONDS = 60.0
_POLL_SECONDS = 0.1

# A token by no key of ours. Without any, /todos is 401 at once; with this one it is 503 until the service has fetched
# the keys by which it will know the first person's.
_FOREIGN_TOKEN = ".".join(
    urlsafe_b64encode(part).rstrip(b"=").decode()
    for part in (b'{"alg":"ES256","kid":"nobody","typ":"at+jwt"}', b"{}", bytes(64))
)
_PROOFS = {"auth-service": ("/.well-known/jwks.json", "200"), "todo-service": ("/todos", "401")}
"""For each service a request, and the status by which only a working one answers it."""


async def start_set(project: Path, supervisor: Supervisor, stack: Stack, fixed: tuple[int, int]) -> Addresses:
    """Start everything and return when a request through the gateway to each service works.

    `fixed` are the ports of the gateway and of the mail catcher. Raises `CannotStart`; the caller stops what runs.
    """
    postgres = await asyncio.to_thread(Postgres, stack.folder / POSTGRES_FOLDER)
    redis_port, smtp_port, *ports = free_ports(2 + len(SERVICES) + len(PROCESSES))
    valkey = Valkey(stack.folder / "valkey", redis_port)
    at = Addresses(
        port=fixed[0],
        mail_port=fixed[1],
        smtp_port=smtp_port,
        service_ports=dict(zip(SERVICES, ports, strict=False)),
        admin_ports=dict(zip(PROCESSES, ports[len(SERVICES) :], strict=True)),
        database_urls={role: postgres.url_for(role) for role in ROLES},
        redis_url=valkey.url,
        gateway_config=project / "gateway" / "gateway.toml",
        data=postgres.place.data,
    )
    stack.about = _about(at)
    await _start_servers(supervisor, postgres, valkey, mail_catcher(project, at, os.environ))
    each = environments(at, load_secrets(stack.folder / "secrets.env"), os.environ)
    await _migrate_what_needs_it(project, supervisor, postgres, each)
    for command in members(project, at, each):
        await supervisor.start(command)
    await asyncio.gather(*(_until_it_works(at, service) for service in SERVICES))
    return at


async def _start_servers(supervisor: Supervisor, postgres: Postgres, valkey: Valkey, mail: Command) -> None:
    await supervisor.start(mail)
    await asyncio.gather(_start_server(supervisor, postgres), _start_server(supervisor, valkey))
    await asyncio.to_thread(postgres.create_databases)


async def _start_server(supervisor: Supervisor, server: Server) -> None:
    await supervisor.start(server.command)
    await _until(lambda: asyncio.to_thread(server.is_ready), SERVER_SECONDS, server.command.name)


async def _migrate_what_needs_it(
    project: Path, supervisor: Supervisor, postgres: Postgres, each: Mapping[str, Mapping[str, str]]
) -> None:
    outdated = [
        migration(project, service, each[service])
        for service, role in zip(SERVICES, ROLES, strict=True)
        if not await asyncio.to_thread(is_newest, postgres, role, project / service / "migrations" / "versions")
    ]
    try:
        async with asyncio.timeout(MIGRATION_SECONDS):
            await asyncio.gather(*(supervisor.run(command) for command in outdated))
    except TimeoutError:
        raise CannotStart(f"the migrations took longer than {MIGRATION_SECONDS:.0f} seconds") from None


async def _until_it_works(at: Addresses, service: str) -> None:
    """Ask the service itself until it answers, then through the gateway, whose log would else be full of errors."""
    path, status = _PROOFS[service]
    for port in (at.service_ports[service], at.port):
        await _until(partial(_answers, port, path, status), READY_SECONDS, f"http://127.0.0.1:{port}{path}")


async def _until(ready: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                if await ready():
                    return
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise CannotStart(f"{what} did not answer as it should within {seconds:.0f} seconds") from None


async def _answers(port: int, path: str, status: str) -> bool:
    """Whether GET `path` on 127.0.0.1:`port`, with a foreign token, is answered with `status`."""
    fields = (f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {_FOREIGN_TOKEN}", "Connection: close")
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write("\r\n".join((f"GET {path} HTTP/1.1", *fields, "", "")).encode())
        return (await reader.readline()).split()[1:2] == [status.encode()]
    except OSError:
        return False
    finally:
        writer.close()


def _about(at: Addresses) -> dict[str, object]:
    """What `stack.json` says beside the processes."""
    return {
        "urls": {
            "gateway": at.url,
            **{name: at.service_url(name) for name in SERVICES},
            "mail": at.mail_url,
            "smtp": f"smtp://127.0.0.1:{at.smtp_port}",
            "redis": at.redis_url,
        },
        "admin_urls": {name: f"http://127.0.0.1:{port}" for name, port in at.admin_ports.items()},
        "databases": dict(at.database_urls),
    }
