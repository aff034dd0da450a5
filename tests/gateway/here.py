"""The gateway in the test's own process, where the test decides which addresses a service's name has."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import uvicorn

from gateway.configuration.config import Config
from gateway.configuration.settings import Environment, Settings
from gateway.connections.protocol import protocol_of
from gateway.main import create_app
from tests.gateway.process import NO_KEYS, Gateway

PLENTY = {"rate": 1_000_000, "burst": 1_000_000}


class Names:
    """A name server: the addresses of each name. Without any, it fails; a name that it does not know is an address."""

    def __init__(self, **addresses: list[str]) -> None:
        self.addresses = addresses
        self.asked = 0

    async def resolve(self, host: str) -> Sequence[str]:
        self.asked += 1
        found = self.addresses.get(host, [host])
        if not found:
            raise OSError(f"nothing is known of {host}")
        return found


def config_of(upstreams: Mapping[str, Mapping[str, object]], **server: object) -> Config:
    """Return a configuration in which each upstream has a route of its name; `route` in it says more of that."""
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    common = {"methods": methods, "auth": "none", "limit": "plenty", "max_body": 1 << 20}
    routes = [
        common | {"path": f"/{name}", "upstream": name} | dict(entry.get("route", {}))  # type: ignore[call-overload]
        for name, entry in upstreams.items()
    ]
    entries = {name: {key: entry[key] for key in entry if key != "route"} for name, entry in upstreams.items()}
    limits = {"plenty": {"key": "ip", **PLENTY}}
    return Config.model_validate(
        {"server": {"flood": PLENTY, **server}, "limits": limits, "upstreams": entries, "routes": routes}
    )


@asynccontextmanager
async def gateway_here(config: Config, names: Names, admin_port: int = 0) -> AsyncIterator[Gateway]:
    """Run the gateway; with an `admin_port`, its figures are there."""
    environment = Environment(
        environment="development",
        public_url="http://localhost:8080",
        auth_jwks_url=NO_KEYS,
        admin_port=admin_port,
        log_level="error",
    )
    app = create_app(Settings.of(environment, config), names.resolve)
    # With the protocol's number asyncio sends what it has at once, as uvloop always does.
    with socket.socket(proto=socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=protocol_of(config.server),
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                date_header=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(10):
                while not server.started:
                    assert not serving.done()
                    await asyncio.sleep(0.01)
            yield Gateway(listening.getsockname()[1], os.getpid(), Path(os.devnull))
        finally:
            server.should_exit = True
            await serving
            # Other tests of this process look for lines, which a logger that is set up would keep.
            structlog.reset_defaults()
