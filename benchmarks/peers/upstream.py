"""`python -m benchmarks.peers.upstream PORT`: an upstream that does what services seldom do, and proxies must bear.

    GET  /slow/wait      forty requests at a time take a tenth of a second each: 400 a second, the rest wait
    GET  /events/open    the head of an event stream and one event, then nothing
    GET  /bulk/BYTES     so many bytes, as fast as they go
    POST /bulk/SECONDS   takes a body, one megabyte a second for so long, then as fast as it comes

It is a raw socket server because it must not be what is measured.
"""

import asyncio
import sys

import uvloop

MEGABYTE = 1_000_000
SLOTS, WAIT_SECONDS = 40, 0.1
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
EVENT = b'event: changed\ndata: {"seq": 1}\n\n'
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (
    len(EVENT),
    EVENT,
)


class Upstream:
    """Serves connections."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(SLOTS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method, path, _ = head.split(b" ", 2)
                await self._answer(method, path.decode(), head, reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _answer(
        self, method: bytes, path: str, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match method, path.split("/")[1:]:
            case b"GET", ["slow", "wait"]:
                async with self._slots:
                    await asyncio.sleep(WAIT_SECONDS)
                writer.write(OK)
            case b"GET", ["events", "open"]:
                writer.write(EVENTS)
            case b"GET", ["bulk", size]:
                await _give(writer, int(size))
            case b"POST", ["bulk", seconds]:
                await _take(reader, int(head.lower().partition(b"content-length:")[2].split()[0]), int(seconds))
                writer.write(OK)
            case _:
                writer.write(OK)


async def _give(writer: asyncio.StreamWriter, size: int) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n" % size)
    piece = bytes(MEGABYTE // 4)
    for _ in range(size // len(piece)):
        writer.write(piece)
        await writer.drain()


async def _take(reader: asyncio.StreamReader, size: int, slow_seconds: int) -> None:
    for _ in range(slow_seconds):
        await reader.readexactly(MEGABYTE)
        size -= MEGABYTE
        await asyncio.sleep(1)
    while size > 0:
        size -= len(await reader.read(min(size, MEGABYTE)))


async def main(port: int) -> None:
    """Serve until the process is ended."""
    server = await asyncio.start_server(Upstream().serve, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
