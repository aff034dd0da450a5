"""`python -m gateway` serves; `check` prints what the settings give; `schema` that of gateway.toml."""

import json
import sys

import uvicorn

from gateway.configuration.config import Config
from gateway.configuration.effective import report
from gateway.configuration.settings import Settings, load_settings
from gateway.connections.protocol import protocol_of
from gateway.main import create_app
from gateway.upstreams.lookout import Resolve, resolve_by_system


def serve(settings: Settings, resolve: Resolve = resolve_by_system) -> None:
    """Serve the public port until SIGTERM or SIGINT. `resolve` finds the addresses of the services."""
    uvicorn.run(
        create_app(settings, resolve),
        host=settings.environment.bind_address,
        port=settings.environment.port,
        http=protocol_of(settings.config.server),
        loop="uvloop",
        ws="none",
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        access_log=False,
        timeout_keep_alive=65,
        timeout_graceful_shutdown=25,
        backlog=2048,
    )


def main() -> None:
    """Run the command that was given."""
    match sys.argv[1:]:
        case []:
            serve(load_settings())
        case ["check"]:
            sys.stdout.write(report(load_settings()))
        case ["schema"]:
            sys.stdout.write(json.dumps(Config.model_json_schema(), indent=2) + "\n")
        case _:
            sys.stderr.write("usage: python -m gateway [check | schema]\n")
            raise SystemExit(2)


if __name__ == "__main__":
    main()
