"""Reading a process's figures, and asking it for what it does not have."""

from prometheus_client.parser import text_string_to_metric_families
from starlette.types import ASGIApp

METHODS = ("GET", "POST", "PUT", "DELETE", "BREW", "PROPFIND")


def read(rendered: bytes) -> dict[str, float]:
    """Return each series as `name{label="value"}` with its number, as Prometheus reads them."""
    return {
        sample.name + (str(sample.labels) if sample.labels else ""): sample.value
        for family in text_string_to_metric_families(rendered.decode())
        for sample in family.samples
    }


async def scan(app: ASGIApp, paths: int) -> None:
    """Ask for so many paths that are not there, by methods known and unknown, as a scanner does."""
    for number in range(paths):
        await _ask(app, METHODS[number % len(METHODS)], f"/{number:x}/wp-login.php")


async def _ask(app: ASGIApp, method: str, path: str) -> None:
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost:8080")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 1),
        "state": {},
    }
    statuses = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        statuses.append(message.get("status"))

    await app(scope, receive, send)
    assert statuses[0] in {404, 405}, statuses
