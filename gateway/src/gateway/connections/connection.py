"""How long a connection of a client may last, and what may be written on it: the lower half of the protocol."""

import asyncio
from collections import deque
from contextvars import Context
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.access_log import AccessLog
from gateway.configuration.config import ServerConfig
from gateway.connections.cycle import Cycle
from gateway.connections.stall import Stall
from gateway.connections.unreadable import line_of, wire_form
from gateway.patience import Patience
from gateway.problems import HeadTimeout, Refusal
from shared.ids import uuid7

__all__ = ["BoundedConnection"]

# How long a client may go on sending what nobody reads: closing at once would make the kernel cut our answer off.
LINGER_SECONDS = 2.0
# One piece of what came can hold thousands of small requests, and each takes many times its bytes while it waits.
MAX_BEHIND = 32


class BoundedConnection(HttpToolsProtocol):
    """One connection, within `bounds`.

    Answers leave in the order of their requests; the one to a request that cannot be read waits for no other: while
    one is due, it is left out.
    """

    bounds: ClassVar[ServerConfig] = ServerConfig()

    cycle: Cycle  # type: ignore[assignment]  # ours does what uvicorn asks of its own
    """The newest request; it may wait behind `_running`."""
    _running: Cycle | None = None
    """The request whose answer is due next."""
    _behind: deque[Cycle]
    """Those that wait for their turn, the newest last."""
    _stall: Stall
    _patience: Patience
    _reads_head = True
    _is_deaf = False
    _unread_bytes = 0
    """What has come since anything was made of it: of a head, chunk extension or trailer without an end."""
    _began = 0.0
    """When the connection was made, or later the first byte of the newest request came, by the loop's clock."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn types it
        """Called by the event loop."""
        self._stall = Stall(self.loop, transport, self.bounds.write_stall)
        self._patience = Patience(self.loop, self._give_up)
        self._behind = deque()
        if len(self.connections) >= self.bounds.max_connections:
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, _: Exception | None) -> None:
        """Called by the event loop."""
        self._patience.close()
        self._stall.stop()
        self.connections.discard(self)
        for cycle in (self._running, self.cycle):
            if cycle is not None:
                cycle.disconnect()
        if self.flow is not None:
            self.flow.resume_writing()
        self.parser = None  # type: ignore[assignment]  # it refers to this object, as uvicorn knows too

    def pause_writing(self) -> None:
        """Called by the transport, when more waits than it likes to hold."""
        super().pause_writing()
        self._stall.watch()

    def resume_writing(self) -> None:
        """Called by the transport, when most of that is gone."""
        self._stall.stop()
        super().resume_writing()

    def _queue(self, cycle: Cycle) -> None:
        """Begin to answer a request, or do so when those before it are answered."""
        before, self.cycle = self.cycle, cycle
        if self._running is None or before.response_complete:
            self._begin(cycle)
        else:
            self.flow.pause_reading()
            self._behind.append(cycle)

    @property
    def _has_enough(self) -> bool:
        """Whether no further request may wait behind the others."""
        return len(self._behind) >= MAX_BEHIND

    def _begin(self, cycle: Cycle) -> None:
        self._running = cycle
        if not self.flow.write_paused:
            # Otherwise nothing of this answer leaves before some of the others is taken, and that has its time.
            self._stall.stop()
        # Begun at the end of the one before, it would take over what that says of itself in the log.
        task = self.loop.create_task(cycle.run(self.app), context=Context())
        task.add_done_callback(self._finish)
        self.tasks.add(task)

    def _answered(self) -> None:
        """Begin with the next request when an answer has left whole, or wait for one, or end with this one."""
        self.server_state.total_requests += 1
        if self.transport.is_closing() or self._running is None:
            return
        if not self._running.keep_alive:
            if self._running.more_body or self._is_deaf:
                self._linger()
            else:
                self.transport.close()
            return
        self.flow.resume_reading()
        if self._behind:
            self._begin(self._behind.popleft())
        elif not self._reads_head:
            self._patience.begin(self.timeout_keep_alive)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if self.transport.is_closing() or (self._running is not None and self._running.response_complete):
            # Nothing more is written for now, so whoever takes nothing of what waits takes nothing at all.
            self._stall.watch()

    def _await_head(self) -> None:
        self._reads_head = True
        self._began = self.loop.time()
        self._patience.begin(self.bounds.header_timeout)

    def _give_up(self) -> None:
        if self._reads_head and self._unread_bytes and not self.transport.is_closing():
            self._refuse(HeadTimeout())
        else:
            self.transport.close()

    def _refuse(self, problem: Refusal) -> None:
        """Read nothing from here on, and say why unless it would be taken for the answer to another request."""
        self._patience.end()
        self._is_deaf = True
        if self._owes_answers():
            return
        request_id = str(uuid7())
        self.transport.write(wire_form(problem, request_id))
        log: AccessLog = self.app_state["access_log"]
        log.add(line_of(problem, request_id, self.client and self.client[0], self.loop.time() - self._began))
        self._linger()

    def _linger(self) -> None:
        """End the connection as soon as its client does, or after a while; what still comes is dropped."""
        self._patience.end()
        self._is_deaf = True
        self.transport.write_eof()
        self.flow.resume_reading()
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
        if self._behind:
            self._behind.pop()
            before = self._behind[-1] if self._behind else self._running
            if before is not None:
                before.keep_alive = False
            return True
        newest.disconnect()
        if newest.response_started:
            self.transport.close()
        return newest.response_started
