"""Both ends of the gateway as bare sockets: a client that says what it likes, an upstream that follows a script.

Clients made for tests hide the bugs that are looked for here: they fold repeated fields, repair lengths and decode.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

DEADLINE_SECONDS = 8.0

Pairs = list[tuple[str, str]]


@dataclass
class Message:
    """A request or an answer as it was on the wire; names in lower case, otherwise as sent."""

    first_line: str
    fields: Pairs
    body: bytes = b""
    raw_head: bytes = b""

    @classmethod
    def of(cls, head: bytes) -> Self:
        """Return the message that begins with `head`, its empty line included."""
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        return cls(first, fields, raw_head=head)

    @property
    def status(self) -> int:
        return int(self.first_line.split(" ")[1])

    @property
    def code(self) -> object:
        """The code of the problem that an answer is."""
        return json.loads(self.body)["code"]

    @property
    def target(self) -> str:
        return self.first_line.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def one(self, name: str) -> str | None:
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    @asynccontextmanager
    async def to(cls, port: int) -> AsyncIterator[Self]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        try:
            yield cls(reader, writer)
        finally:
            writer.transport.abort()

    async def send(self, raw: bytes | str) -> None:
        self.writer.write(raw if isinstance(raw, bytes) else raw.encode("latin-1"))
        await self.writer.drain()

    async def head(self) -> Message:
        """Read a head, 1xx answers too."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            return Message.of(await self.reader.readuntil(b"\r\n\r\n"))

    async def chunk(self) -> bytes:
        """Read one chunk of chunked coding; empty is the last one."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            data = await self.reader.readexactly(size + 2)
        return data[:-2]

    async def body(self, message: Message, *, to_head: bool = False) -> Message:
        """Read the body that belongs to the head `message`."""
        length = message.one("content-length")
        if to_head or (message.first_line.startswith("HTTP") and message.status in {204, 304}):
            return message
        async with asyncio.timeout(DEADLINE_SECONDS):
            if message.one("transfer-encoding") == "chunked":
                while data := await self.chunk():
                    message.body += data
            elif length is not None:
                message.body = await self.reader.readexactly(int(length))
            elif message.first_line.startswith("HTTP"):
                message.body = await self.reader.read()
        return message

    async def answer(self, raw: bytes | str, *, to_head: bool = False) -> Message:
        """Send a whole request and return the whole answer."""
        await self.send(raw)
        return await self.body(await self.head(), to_head=to_head)

    async def is_closed(self, within: float = DEADLINE_SECONDS) -> bool:
        """Whether the other side closes within so many seconds; what still comes before that is dropped."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


Script = Callable[[Wire, Message], Awaitable[None]]
"""Answers a request of which the head was read."""

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


def says(raw: bytes | str, *, then_close: bool = False) -> Script:
    """Return a script that reads the request to its end and answers with these bytes."""

    async def script(wire: Wire, request: Message) -> None:
        await wire.body(request)
        await wire.send(raw)
        if then_close:
            wire.writer.close()

    return script


@dataclass
class Upstream:
    """A server of which every answer is a script's; it records what it was asked."""

    port: int = 0
    script: Script = field(default_factory=lambda: says(OK))
    seen: list[Message] = field(default_factory=list)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    opened: int = 0
    document: dict[str, object] | None = None
    readiness: str = "200 OK"
    probes: int = 0
    stop: Callable[[], None] = field(default=lambda: None)

    @property
    def last(self) -> Message:
        return self.seen[-1]

    def forget(self) -> None:
        self.script, self.opened = says(OK), 0
        self.seen.clear()

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        server = await asyncio.start_server(self._serve, host, port, limit=1 << 20, backlog=1024)
        self.stop = server.close
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self.connections:
                writer.transport.abort()

    async def _document(self, wire: Wire) -> None:
        """The gateway asks for this by itself at any time; it is no part of a test's script."""
        self.opened -= 1
        body = json.dumps(self.document).encode()
        status = "404 Not Found" if self.document is None else "200 OK"
        head = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        await wire.send(head.encode() + body)

    async def _ready(self, wire: Wire) -> None:
        """So it is with this."""
        self.opened -= 1
        self.probes += 1
        await wire.send(f"HTTP/1.1 {self.readiness}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        self.connections.add(writer)
        self.opened += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            while not writer.is_closing():
                request = Message.of(await reader.readuntil(b"\r\n\r\n"))
                if request.target == "/readyz":
                    await self._ready(wire)
                    break
                if request.target == "/openapi.json":
                    await self._document(wire)
                    break
                self.seen.append(request)
                await self.script(wire, request)
        self.connections.discard(writer)
        writer.close()


def get(target: str = "/todos", *lines: str, method: str = "GET") -> str:
    """Return a request without a body."""
    head = "".join(f"{line}\r\n" for line in lines)
    return f"{method} {target} HTTP/1.1\r\nHost: localhost:8080\r\n{head}\r\n"


def post(target: str, body: str, *lines: str, method: str = "POST") -> str:
    """Return a request with a body of known length."""
    return get(target, *lines, f"Content-Length: {len(body)}", method=method) + body
