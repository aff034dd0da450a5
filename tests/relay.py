"""A TCP relay on 127.0.0.1 that breaks as networks and servers break, without anything behind it being touched."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Relay"]

RESET = struct.pack("ii", 1, 0)
"""As SO_LINGER: closing sends RST, and no FIN."""


class Relay:
    """Passes connections to a port on to another one, until it is told to do otherwise."""

    def __init__(self, port: int, behind: int) -> None:
        self.port = port
        self._behind = behind
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._resets = False
        self._hole: list[socket.socket] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Relay"]:
        """Listen while entered."""
        await self.open()
        try:
            yield self
        finally:
            await self._close()

    async def open(self) -> None:
        """Pass everything on, again."""
        while self._hole:
            self._hole.pop().close()
        self._resets = False
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Be as a server that has ended: what is open is closed, and nobody listens."""
        await self._close()

    async def refuse(self) -> None:
        """Be as a proxy with nobody behind it: what is open, and what is opened, is reset."""
        self._resets = True
        for writer in list(self._writers):
            _reset(writer)
        await asyncio.gather(*self._passing)

    async def silence(self) -> None:
        """Be as a network that loses every packet: nothing more comes, and connecting takes forever."""
        self._flows.clear()
        await self._stop_listening()
        hole = socket.socket()
        hole.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hole.bind(("127.0.0.1", self.port))
        hole.listen(0)
        self._hole.append(hole)
        # Its queue takes a few, and then answers nobody.
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._hole.append(filler)

    async def _close(self) -> None:
        await self._stop_listening()
        self._flows.set()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._passing)
        while self._hole:
            self._hole.pop().close()

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            # The port is free when the loop has closed the socket, a turn later.
            await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass_on(reader, writer))
        self._passing.add(task)
        task.add_done_callback(self._passing.discard)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._resets:
            _reset(writer)
            return
        try:
            onward_reader, onward = await asyncio.open_connection("127.0.0.1", self._behind)
        except OSError:
            _reset(writer)
            return
        ends = {writer, onward}
        self._writers |= ends
        try:
            await asyncio.gather(self._pump(reader, onward), self._pump(onward_reader, writer))
        finally:
            self._writers -= ends
            for end in ends:
                end.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                await self._flows.wait()
                writer.write(chunk)
                await writer.drain()
        except OSError:
            pass
        finally:
            # Either side's end is the other's.
            writer.transport.abort()


def _reset(writer: asyncio.StreamWriter) -> None:
    # One that is ending by itself has perhaps no socket any more.
    if not writer.transport.is_closing():
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        writer.transport.abort()
