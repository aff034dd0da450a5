"""The wire between a service and PostgreSQL, which a test can stop at a word: so a process is killed where it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

COMMIT, COMMITTED = b"COMMIT;", b"COMMIT\0"
"""What a service asks for, and what PostgreSQL answers when it is done."""

INSERTED = b"INSERT 0 1\0"
"""The answer to a statement that inserted one row; to one that is all of its transaction, when that is committed."""


class Wire:
    """Carries both ways what the two say. A connection on which a word falls stays silent from that word on."""

    def __init__(self, server_socket: str) -> None:
        self._server_socket = server_socket
        self._words: dict[str, tuple[bytes, ...]] = {"requests": (), "answers": ()}
        self.silent = 0
        """On how many connections nothing is carried any more."""

    def stop_at(self, *, requests: tuple[bytes, ...] = (), answers: tuple[bytes, ...] = ()) -> None:
        """From now on, swallow what contains one of these words, in this direction, and all that follows it."""
        self._words |= {"requests": requests, "answers": answers}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection of the service, until either side ends it."""
        from_server, to_server = await asyncio.open_unix_connection(self._server_socket)
        await asyncio.gather(
            self._carry(reader, to_server, "requests"),
            self._carry(from_server, writer, "answers"),
        )

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, direction: str) -> None:
        is_silent = False
        # A killed process resets its connections.
        with suppress(ConnectionError):
            while some := await source.read(65_536):
                if not is_silent and any(word in some for word in self._words[direction]):
                    is_silent = True
                    self.silent += 1
                if not is_silent:
                    sink.write(some)
                    await sink.drain()
        sink.close()


@asynccontextmanager
async def wire_to(database_url: str) -> AsyncIterator[tuple[Wire, str]]:
    """Give a wire to the database, and the URL by which a service uses it."""
    url = urlsplit(database_url)
    wire = Wire(f"{parse_qs(url.query)['host'][0]}/.s.PGSQL.5432")
    server = await asyncio.start_server(wire.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield wire, f"postgresql://{url.username}@127.0.0.1:{port}{url.path}"
