"""The real gateway as a process of its own."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from devstack.ports import free_ports
from tests.gateway.peers import Message, Wire

NO_KEYS = "http://127.0.0.1:1/.well-known/jwks.json"
"""An address of a key set where nobody is."""

PATIENT_SERVICE = "first_byte = 10"
"""As patient as the gateway is with clients by default: no test waits as long for an answer, on any machine."""

HASTY_SERVER = "header_timeout = 0.8\nbody_idle = 0.6"
HASTY_SERVICE = "first_byte = 0.5\nidle = 1.0"
"""For tests of these times, and of nothing else."""

PLENTY = "rate = 1000000, burst = 1000000"
CONFIG = """
[limits]
plenty = { key = "ip", %(plenty)s }
few = { key = "ip", rate = 1, per = 900, burst = 3 }
[cors]
origins = ["http://app.test"]
[docs]
title = "Things"
[upstreams.plain]
url = "http://127.0.0.1:1"
%(service)s
[upstreams.jar]
url = "http://127.0.0.1:1"
cookies = true
[upstreams.dead]
url = "http://127.0.0.1:1"
[upstreams.hole]
url = "http://127.0.0.1:1"
connect = 0.3
"""
ROUTES = [
    ("/todos", "prefix", "plain", "GET POST PUT PATCH DELETE", 1048576),
    ("/big", "prefix", "plain", "GET POST", 1 << 30),
    ("/read", "exact", "plain", "GET", 0),
    ("/auth", "prefix", "jar", "GET POST", 16384),
    ("/dead", "prefix", "dead", "GET POST", 1024),
    ("/hole", "prefix", "hole", "GET", 0),
    ("/few", "prefix", "plain", "GET POST", 1024),
]
LIMITS = {"/few": "few"}

STREAM = """
[[routes]]
path = "/live"
upstream = "plain"
methods = ["GET", "POST"]
auth = "none"
limit = "plenty"
max_body = 1024
stream = "sse"
idle = 2.5
"""

# The other routes are open to all, so that what is sent through them needs no token.
GUARDED = "".join(
    f"""
[[routes]]
path = "/{auth}"
upstream = "plain"
methods = ["GET", "POST", "PUT"]
auth = "{auth}"
limit = "plenty"
max_body = 1024
"""
    for auth in ("required", "optional")
)


def config_text(server: str = "", service: str = PATIENT_SERVICE) -> str:
    """Return a gateway.toml with these lines about the server, and about the service behind most of its routes.

    Unless `server` says so, nothing is a flood.
    """
    entries = (
        f'[[routes]]\npath = "{path}"\nmatch = "{match}"\nupstream = "{upstream}"\n'
        f'methods = {methods.split()}\nauth = "none"\nlimit = "{LIMITS.get(path, "plenty")}"\nmax_body = {max_body}\n'
        for path, match, upstream, methods, max_body in ROUTES
    )
    flood = "" if "flood" in server else f"flood = {{ {PLENTY} }}"
    upstreams = CONFIG % {"plenty": PLENTY, "service": service}
    return f"[server]\n{server}\n{flood}\n{upstreams}" + "".join(entries) + STREAM + GUARDED


@dataclass
class Gateway:
    """A running gateway: where it is, and what it wrote so far."""

    port: int
    pid: int
    log: Path
    origin: str = "http://app.test"

    async def ask(self, raw: bytes | str, *, to_head: bool = False) -> Message:
        """Send one request on a connection of its own and return the answer."""
        async with Wire.to(self.port) as wire:
            return await wire.answer(raw, to_head=to_head)

    def lines(self) -> list[dict]:
        """The lines of requests that are in its log by now; the last one may still be on its way there."""
        written, _, _ = self.log.read_text().rpartition("\n")
        lines = [json.loads(line) for line in written.splitlines() if line.startswith('{"ts"')]
        return [line for line in lines if line["event"] == "request"]

    async def ask_a_bad_one(self, raw: str) -> Message:
        """Ask an upstream that always fails, as soon as the gateway does not leave it alone."""
        async with asyncio.timeout(10):
            while (answer := await self.ask(raw)).status == 503:
                await asyncio.sleep(0.05)
        return answer

    def holds(self, port: int) -> bool:
        """Whether a process still has the socket of this local port; what the kernel finishes alone has no inode."""
        return any(here == port for here, _ in _held_sockets())

    def serves_any(self, ports: Collection[int]) -> bool:
        """Whether the gateway still has a connection to a client at one of these ports."""
        return any(here == self.port and there in ports for here, there in _held_sockets())

    def resident_kilobytes(self) -> int:
        """The memory that the process has now."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _held_sockets() -> list[tuple[int, int]]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return [(int(row[1].split(":")[1], 16), int(row[2].split(":")[1], 16)) for row in rows if row[9] != "0"]


@asynccontextmanager
async def running_gateway(
    folder: Path,
    upstream_ports: Mapping[str, int],
    server: str = "",
    service: str = PATIENT_SERVICE,
    **variables: str,
) -> AsyncIterator[Gateway]:
    """Run the gateway of `config_text(server, service)`, its upstreams at these ports, with further `variables`."""
    config, log, (port,) = folder / "gateway.toml", folder / "log", free_ports(1)
    config.write_text(config_text(server, service))
    urls = {f"GATEWAY_UPSTREAM_{name}_URL": f"http://127.0.0.1:{number}" for name, number in upstream_ports.items()}
    environment = {
        "PATH": os.environ["PATH"],
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "AUTH_JWKS_URL": NO_KEYS,
        "PORT": str(port),
        "ADMIN_PORT": "0",
        "DRAIN_SECONDS": "0",
        "BIND_ADDRESS": "127.0.0.1",
        "GATEWAY_CONFIG": str(config),
    }
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", env=environment | urls | variables, stdout=output, stderr=output
        )
        try:
            await _until_alive(port, process, log)
            yield Gateway(port, process.pid, log)
        finally:
            process.terminate()
            await process.wait()


async def _until_alive(port: int, process: asyncio.subprocess.Process, log: Path) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None:
            try:
                await client.get(f"http://127.0.0.1:{port}/livez")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
            else:
                return
    pytest.fail(log.read_text())
