"""A real HTTP server on loopback that publishes a key set and counts who asks."""

import asyncio
import json
from contextlib import asynccontextmanager


class KeyServer:
    """`document` and `status` are what it answers; `answering` can be cleared to leave callers waiting."""

    def __init__(self):
        self.hits = 0
        self.status = 200
        self.headers = ""
        self.document = b'{"keys": []}'
        self.answering = asyncio.Event()
        self.answering.set()
        self.port = 0
        self._server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/.well-known/jwks.json"

    def publish(self, *jwks):
        self.document = json.dumps({"keys": jwks}).encode()

    async def start(self):
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self):
        self.answering.set()
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.hits += 1
            await self.answering.wait()
            head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(self.document)}\r\n{self.headers}"
            writer.write(f"{head}Connection: close\r\n\r\n".encode() + self.document)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def key_server(*jwks):
    server = KeyServer()
    server.publish(*jwks)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
