"""How each process of ours is started: the commands of the set, in development and in the tests of the migrations."""

import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.commands import Command, Kind
from devstack.environment import Addresses

PROCESSES = ("auth-service", "todo-service", "auth-worker", "todo-worker", "gateway")
WORKERS = ("auth-worker", "todo-worker")
SERVICES = ("auth-service", "todo-service")

# As in the images. The gateway drops idle connections after 55 seconds, so a service never closes one under it.
UVICORN_FLAGS = (
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--no-server-header", "--no-proxy-headers"),
    *("--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "25"),
)


def migration(project: Path, service: str, environment: Mapping[str, str]) -> Command:
    """Bring the database of `service` to its newest schema."""
    return Command(
        name=service.replace("service", "migrate"),
        kind=Kind.SERVICE,
        argv=(sys.executable, "-m", "alembic", "upgrade", "head"),
        folder=project / service,
        environment=environment,
    )


def mail_catcher(project: Path, at: Addresses, caller: Mapping[str, str]) -> Command:
    """The mail catcher, on its two ports."""
    arguments = ("--smtp-port", str(at.smtp_port), "--port", str(at.mail_port))
    return _python(project, "mail", Kind.SERVER, caller, "devstack.mail", *arguments)


def members(project: Path, at: Addresses, environments: Mapping[str, Mapping[str, str]]) -> list[Command]:
    """The services, the workers and the gateway."""
    services = [_service(project, name, at, environments[name]) for name in SERVICES]
    workers = [_worker(project, name, environments[name]) for name in WORKERS]
    return [*services, *workers, _python(project, "gateway", Kind.GATEWAY, environments["gateway"], "gateway")]


def _service(project: Path, name: str, at: Addresses, environment: Mapping[str, str]) -> Command:
    app = f"{name.replace('-', '_')}.main:create_app"
    listen = ("--host", "127.0.0.1", "--port", str(at.service_ports[name]))
    return _python(project, name, Kind.SERVICE, environment, "uvicorn", "--factory", app, *listen, *UVICORN_FLAGS)


def _worker(project: Path, name: str, environment: Mapping[str, str]) -> Command:
    module = f"{name.replace('-worker', '_service')}.worker"
    return _python(project, name, Kind.WORKER, environment, module)


def _python(
    project: Path, name: str, kind: Kind, environment: Mapping[str, str], module: str, *arguments: str
) -> Command:
    argv = (sys.executable, "-m", module, *arguments)
    return Command(name=name, kind=kind, argv=argv, folder=project, environment=environment)
