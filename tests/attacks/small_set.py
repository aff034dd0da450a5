"""The services and the gateway as processes on the run's own servers: the set without workers, started in seconds."""

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from devstack.commands import Command
from devstack.environment import Addresses, environments
from devstack.members import PROCESSES, SERVICES, members
from devstack.ports import free_ports
from tests.servers import PROJECT
from tests.waiting import until

START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class SmallSet:
    """Where its processes are, and what they are."""

    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]]
    folder: Path

    def lines(self, name: str, event: str) -> list[dict[str, object]]:
        """Return the log lines of a process that tell of this event."""
        found = [json.loads(line) for line in self.output(name).splitlines() if f'"{event}"' in line]
        return [line for line in found if line["event"] == event]

    def output(self, name: str) -> str:
        """Return all that a process has printed."""
        return (self.folder / name).read_text()

    def resident_megabytes(self) -> dict[str, float]:
        """Return the memory that each process has now."""
        return {name: _resident_megabytes(process.pid) for name, process in self.processes.items()}


@asynccontextmanager
async def small_set(
    folder: Path, database_urls: Mapping[str, str], redis_url: str, **settings: str
) -> AsyncIterator[SmallSet]:
    """Start one; its processes print into `folder`. `settings` are variables of the environment of each."""
    names = (*SERVICES, "gateway")
    *ports, mail_port, smtp_port = free_ports(len(names) + len(PROCESSES) + 2)
    at = Addresses(
        port=ports[len(SERVICES)],
        mail_port=mail_port,
        smtp_port=smtp_port,
        service_ports=dict(zip(SERVICES, ports, strict=False)),
        admin_ports=dict(zip(PROCESSES, ports[len(names) :], strict=True)),
        database_urls=database_urls,
        redis_url=redis_url,
        gateway_config=PROJECT / "gateway" / "gateway.toml",
        data=folder,
    )
    secrets = {name: settings.pop(name) for name in ("AUTH_SECRET", "BETTER_AUTH_SECRET")}
    usual = {"PATH": os.environ["PATH"], "LOG_FORMAT": "json"}
    variables = environments(at, secrets, usual | settings)
    # All attackers have one address; how often it may ask is the subject of other tests.
    variables["gateway"]["THROTTLE_FACTOR"] = "100000"
    commands = members(PROJECT, at, variables)
    with ExitStack() as ending:
        running = SmallSet(dict(zip(names, ports, strict=False)), {}, folder)
        # The keys come from the auth-service: whoever begins behind it knows them from the start.
        for group in (["auth-service"], [name for name in names if name != "auth-service"]):
            running.processes.update({one.name: _start(one, folder, ending) for one in commands if one.name in group})
            await asyncio.gather(*(until(lambda name=name: _answers(running, name), START_SECONDS) for name in group))
        yield running


def _start(command: Command, folder: Path, ending: ExitStack) -> subprocess.Popen[bytes]:
    output = ending.enter_context((folder / command.name).open("wb"))
    process = subprocess.Popen(
        command.argv, cwd=command.folder, env=command.environment, stdout=output, stderr=subprocess.STDOUT
    )
    ending.callback(process.wait, 30)
    ending.callback(process.terminate)
    return process


async def _answers(running: SmallSet, name: str) -> bool:
    assert running.processes[name].poll() is None, running.output(name)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.ports[name]}") as client:
        try:
            return (await client.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


def _resident_megabytes(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024
