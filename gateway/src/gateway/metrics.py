"""The figures of the gateway: what it counts is what it logs."""

from gateway.access_log import AccessLog, Line
from gateway.config import Config
from gateway.settings import Environment
from shared.request_metrics import Requests

__all__ = ["CountingLog", "requests_of"]


def requests_of(config: Config) -> Requests:
    """Return the counts of requests by the routes of `config`."""
    return Requests(streams={route.path for route in config.routes if route.stream})


class CountingLog(AccessLog):
    """The log of requests, which also counts them, written or not."""

    def __init__(self, environment: Environment, requests: Requests) -> None:
        super().__init__(environment.log_level, environment.log_format)
        self._requests = requests

    def add(self, line: Line) -> None:
        """Take one request's line."""
        route, status, milliseconds = line["route"], line["status"], line["duration_ms"]
        assert isinstance(status, int)
        assert isinstance(milliseconds, float)
        self._requests.observe(str(line["method"]), str(route) if route else None, status, milliseconds / 1000)
        super().add(line)
