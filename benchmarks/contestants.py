"""The gateway as it is measured, and what stands behind it."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import LOAD_CORE, Target, need, running
from benchmarks.peers import nginx
from benchmarks.service import SECRET, token
from devstack.places import temporary_folder
from devstack.ports import free_ports
from devstack.servers import start_valkey
from gateway.configuration.config import Config, RouteConfig

__all__ = ["Shop", "Upstream", "asked", "opened"]

ANSWER = '{"id": "01890a5d-ac96-774b-bcce-b302099a8057", "text": "' + "x" * 960 + '"}'
"""About 1 KB of JSON."""

# What a request has to pass before it is sent on, with limits so high that nobody meets them.
_ROUTE_KEYS = {"auth": '"required"', "limit": '"api"'}
_LIMITS = '[limits]\napi = { key = "user", rate = 600, per = 60, burst = 60 }\n'


@dataclass(frozen=True, slots=True)
class Upstream:
    """One upstream of the gateway, and the route to it. `more` and `route_more` are further lines of its TOML."""

    name: str
    url: str
    more: str = ""
    route_more: str = ""

    def toml(self) -> str:
        """Return its part of gateway.toml."""
        keys = "".join(f"{key} = {value}\n" for key, value in _ROUTE_KEYS.items() if key in RouteConfig.model_fields)
        return (
            f'[upstreams.{self.name}]\nurl = "{self.url}"\n{self.more}\n'
            f'[[routes]]\npath = "/{self.name}"\nupstream = "{self.name}"\nmethods = ["GET", "POST"]\n'
            f"max_body = 2000000000\n{keys}{self.route_more}\n"
        )


@dataclass(frozen=True, slots=True)
class Shop:
    """Where everything is put up for one run."""

    folder: Path
    environment: Mapping[str, str]

    @contextmanager
    def gateway(self, *upstreams: Upstream) -> Iterator[tuple[str, int]]:
        """Run the gateway with a route `/<name>` to each upstream, on the servers' core; give its base URL and pid."""
        port, file = free_ports(1)[0], self.folder / "gateway.toml"
        limits = _LIMITS if "limits" in Config.model_fields else ""
        file.write_text(limits + "".join(upstream.toml() for upstream in upstreams))
        base = f"http://127.0.0.1:{port}"
        environment = {**self.environment, "GATEWAY_CONFIG": str(file), "PORT": str(port), "BIND_ADDRESS": "127.0.0.1"}
        with running([sys.executable, "-m", "gateway"], f"{base}/livez", environment) as pid:
            yield base, pid

    @contextmanager
    def nginx_before(self, upstream: str) -> Iterator[tuple[str, int]]:
        """Run nginx before `upstream`, on the servers' core; give its base URL and its worker's pid."""
        port = free_ports(1)[0]
        base = f"http://127.0.0.1:{port}"
        command = nginx.proxy(self.folder / "proxy", port, int(upstream.rpartition(":")[2]))
        with running(command, base, {}) as pid:
            yield base, int(Path(f"/proc/{pid}/task/{pid}/children").read_text())

    @contextmanager
    def static(self) -> Iterator[str]:
        """Run the upstream of all contestants on the load's core: nginx, which answers from memory; give its URL."""
        port = free_ports(1)[0]
        base = f"http://127.0.0.1:{port}"
        with running(nginx.static(self.folder / "static", port, ANSWER), base, {}, LOAD_CORE):
            yield base

    @contextmanager
    def scripted(self) -> Iterator[str]:
        """Run the upstream that waits, streams and swallows on the load's core; give its URL."""
        port = free_ports(1)[0]
        base = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "benchmarks.peers.upstream", str(port)]
        with running(command, f"{base}/", {"PYTHONPATH": self.environment["PYTHONPATH"]}, LOAD_CORE):
            yield base


@contextmanager
def opened() -> Iterator[Shop]:
    """Give a shop with a Valkey on the load's core, to which this process moves too."""
    need("nginx", "nginx-light")
    os.sched_setaffinity(0, {int(LOAD_CORE)})
    with temporary_folder() as folder:
        valkey = start_valkey(folder / "valkey", free_ports(1)[0])
        environment = {
            "ENVIRONMENT": "development",
            "PUBLIC_URL": "http://localhost:8080",
            "REDIS_URL": valkey.url,
            "AUTH_JWKS_URL": "http://127.0.0.1:1/.well-known/jwks.json",
            "BETTER_AUTH_SECRET": SECRET,
            "THROTTLE_FACTOR": "100000",
            "ADMIN_PORT": "0",
            "DRAIN_SECONDS": "0",
            "LOG_LEVEL": "info",
            "PYTHONPATH": str(Path(__file__).parent.parent),
        }
        try:
            yield Shop(folder, environment)
        finally:
            valkey.stop()


def asked(base: str, path: str, connections: int = 64) -> Target:
    """Return a target with the token of one user."""
    return Target(f"{base}{path}", [token("bench-user")], connections=connections)
