"""How long a connection of a client may last, and what may be written on it: the lower half of the protocol."""

import asyncio
from typing import ClassVar

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.access_log import AccessLog
from gateway.configuration.config import ServerConfig
from gateway.connections.stall import Stall
from gateway.connections.unreadable import HeadTimeout, line_of, wire_form
from gateway.problems import Refusal
from shared.ids import uuid7

__all__ = ["BoundedConnection"]

# How long a client may go on sending what nobody reads: closing at once would make the kernel cut our answer off.
LINGER_SECONDS = 2.0


class BoundedConnection(HttpToolsProtocol):
    """One connection, within the bounds of `limits`.

    Answers leave in the order of their requests; the one to a request that cannot be read waits for no other: while
    one is due, it is left out.
    """

    limits: ClassVar[ServerConfig] = ServerConfig()

    _stall: Stall
    _running: RequestResponseCycle | None = None
    """The request whose answer is due next; `cycle` is the newest one, which may wait behind it."""
    _reads_head = True
    _is_deaf = False
    _unread_bytes = 0
    """What has come since anything was made of it: of a head, chunk extension or trailer without an end."""
    _timer: asyncio.TimerHandle | None = None
    _began = 0.0
    """When the connection was made, or later the first byte of the newest request came, by the loop's clock."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Called by the event loop."""
        self._stall = Stall(self.loop, transport, self.limits.write_stall)
        if len(self.connections) >= self.limits.max_connections:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._stop_timer()
        self._stall.stop()
        if self._running is not None:
            _disconnect(self._running)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called by the transport, when more waits than it likes to hold."""
        super().pause_writing()
        self._stall.watch()

    def resume_writing(self) -> None:
        """Called by the transport, when most of that is gone."""
        self._stall.stop()
        super().resume_writing()

    def _queue(self, cycle: RequestResponseCycle) -> None:
        """Begin to answer a request, or do so when those before it are answered."""
        before, self.cycle = self.cycle, cycle
        if self._running is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        self._stall.stop()
        task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self._finish)
        self.tasks.add(task)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self.transport.is_closing() or (self._running is not None and self._running.response_complete):
            # Nothing more is written for now, so whoever takes nothing of what waits takes nothing at all.
            self._stall.watch()

    def _await_head(self) -> None:
        self._reads_head = True
        self._began = self.loop.time()
        self._timer = self.loop.call_later(self.limits.header_timeout, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _give_up(self) -> None:
        if self._unread_bytes and not self.transport.is_closing():
            self._refuse(HeadTimeout())
        else:
            self.transport.close()

    def _refuse(self, problem: Refusal) -> None:
        """Read nothing from here on, and say why unless it would be taken for the answer to another request."""
        self._stop_timer()
        self._is_deaf = True
        if self._owes_answers():
            return
        request_id = str(uuid7())
        self.transport.write(wire_form(problem, request_id))
        log: AccessLog = self.app_state["access_log"]
        log.add(line_of(problem, request_id, self.client and self.client[0], self.loop.time() - self._began))
        self.transport.write_eof()
        self._stall.watch()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _owes_answers(self) -> bool:
        """Whether an answer is still due before one to what follows the newest request; if so, it is the last one."""
        newest = self.cycle
        if self._running is None or (newest.response_complete and not newest.more_body):
            return False
        if not newest.more_body:
            newest.keep_alive = False
            return True
        # The fault is in the body of the newest request itself.
        if self.pipeline:
            self.pipeline.popleft()
            before = self.pipeline[0][0] if self.pipeline else self._running
            if before is not None:
                before.keep_alive = False
            return True
        _disconnect(newest)
        if newest.response_started:
            self.transport.close()
        return newest.response_started


def _disconnect(cycle: RequestResponseCycle) -> None:
    """Let the application hear that its client is gone."""
    if not cycle.response_complete:
        cycle.disconnected = True
        cycle.message_event.set()
