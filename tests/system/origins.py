"""The page that asks a gateway from several origins, the service behind it, and the table of what was seen."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path

from tests.gateway.peers import Message, Wire

PAGE = Path(__file__).with_name("origins.html")
ORIGINS = ("listed", "foreign", "sandboxed", "data")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
CREDENTIALS = ("omit", "include")
# Those that speak against the service are never next to each other, so that the gateway does not give it up.
STATUSES = (200, 502, 201, 503, 204, 504, 304, 400, 401, 403, 404, 405, 409, 412, 413, 422, 429, 500)
SECTIONS = ("redirects", "own", "requests", "cookies", "fields", "repeats", "events")
EXPOSED = {
    *("etag", "location", "link", "retry-after", "ratelimit", "ratelimit-policy", "idempotency-replayed"),
    *("x-next-cursor", "x-total-count", "x-sync-seq", "x-request-id", "deprecation", "sunset"),
}
SAFE = {"cache-control", "content-language", "content-type", "expires", "last-modified", "pragma"}
HIDDEN = {"x-secret", "server", "x-powered-by", "proxy-status"}

Seen = Mapping[str, object]
"""What the pages of one origin made of some requests."""


class Service:
    """The scripted service behind the gateway; asked directly, it is some other origin with a page of its own."""

    def __init__(self) -> None:
        self.api = ""

    async def __call__(self, wire: Wire, request: Message) -> None:
        """Answer by the address."""
        await wire.body(request)
        _, place, *rest = request.target.partition("?")[0].split("/")
        match place:
            case "page":
                await self._say(wire, request, 200, "Content-Type: text/html", body=PAGE.read_text())
            case "away":
                to = f"Location: {self.api}/todos/status/200"
                await self._say(wire, request, 307, to, "Access-Control-Allow-Origin: *")
            case "live":
                await self._event(wire, request)
            case _:
                await self._api(wire, request, place, *rest)

    async def _api(self, wire: Wire, request: Message, *place: str) -> None:
        match place:
            case "todos", "status", status:
                await self._say(wire, request, int(status))
            case "todos", "redirect", status:
                await self._say(wire, request, int(status), "Location: /todos/status/200")
            case "todos", "fields":
                # Dates where the name asks for one: what a browser makes of an odd one is not the subject.
                lines = [f"{name}: Mon, 01 Jan 2046 00:00:00 GMT" for name in EXPOSED | SAFE | HIDDEN]
                await self._say(wire, request, 200, *lines)
            case "auth", "set":
                await self._say(wire, request, 200, "Set-Cookie: c=1; HttpOnly; SameSite=Strict; Path=/auth")
            case "auth", "cookie":
                await self._say(wire, request, 200, body=request.one("cookie") or "none")
            case _:
                await self._say(wire, request, 200)

    async def _say(self, wire: Wire, request: Message, status: int, *lines: str, body: str = "{}") -> None:
        body = "" if status in {204, 304} or request.first_line.startswith("HEAD") else body
        length = [] if status in {204, 304} else [f"Content-Length: {len(body.encode())}"]
        head = "\r\n".join([f"HTTP/1.1 {status} X", *lines, *length, "", ""])
        await wire.send((head + body).encode())

    async def _event(self, wire: Wire, request: Message) -> None:
        """Send one event with the ticket and the id that the client has already, and hang up."""
        ticket, last = request.target.partition("ticket=")[2], request.one("last-event-id")
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        await wire.send(f"{head}retry: 20\nid: 7\ndata: {ticket} {last}\n\n")
        wire.writer.close()


def table(saw: Mapping[str, Mapping[str, Seen]]) -> str:
    """Return what was seen as people read it: first every status, then what else was tried; a dot is an error."""
    statuses = sorted(STATUSES)
    lines = [f"{'answers with':<28}" + "".join(f"{status:>5}" for status in statuses)]
    for origin, method, credentials in product(ORIGINS, METHODS, CREDENTIALS):
        answers = saw[origin]["answers"]
        cells = "".join(f"{_cell(answers[f'{method} {credentials} {status}']):>5}" for status in statuses)
        lines.append(f"{origin:<10}{method:<9}{credentials:<9}{cells}")
    lines.append(f"\n{'':<44}" + "".join(f"{origin:>16}" for origin in ORIGINS))
    for section in SECTIONS:
        for name in saw[ORIGINS[0]][section]:
            cells = "".join(f"{_cell(saw[origin][section][name]):>16}" for origin in ORIGINS)
            lines.append(f"{section:<12}{name:<32}{cells}")
    return "\n".join(lines)


def _cell(seen: object) -> str:
    if isinstance(seen, list):
        return f"{len(seen)} events"
    return "." if seen in {"TypeError", "closed"} else str(seen)
