"""One server that its owner may start, stop, kill and freeze. Blocking; the supervisor of `make up` has its own way."""

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from devstack.commands import CannotStart, Command

START_SECONDS = 30.0
STOP_SECONDS = 4.0
LOG_NAME = "server.log"
"""The file in a server's folder that holds what it says, when no supervisor listens."""

# Ends the server when its owner is gone, and with it the owner's end of the pipe, even by SIGKILL.
_GUARD = 'read -r _; kill -s "$1" "$2"'


class Server(ABC):
    """One server process. As a context manager it is stopped at the end; it also ends when its owner dies."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it answers a client."""

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers. Raises `CannotStart` with what it last said."""
        log = self.command.folder / LOG_NAME
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                self.command.argv,
                cwd=self.command.folder,
                env=self.command.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self.command.identity,
            )
        self._guard = _guard(self._process, self.command.stop_signal)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise CannotStart(f"{self.command.name} did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End it gracefully, by SIGKILL after four seconds. Does nothing when it does not run."""
        self._end(self.command.stop_signal)

    def kill(self) -> None:
        """End it by SIGKILL. Does nothing when it does not run."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Freeze its main process: the kernel still accepts connections, nobody answers them."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._running().send_signal(signal.SIGCONT)

    @property
    def pid(self) -> int:
        """The id of its main process. Raises `RuntimeError` when it does not run."""
        return self._running().pid

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.command.name} does not run")
        return self._process

    def _end(self, first: signal.Signals) -> None:
        process, self._process = self._process, None
        guard, self._guard = self._guard, None
        if guard is not None:  # The guard goes first: a moment later the server's pid may be somebody else's.
            guard.kill()
            guard.communicate()
        if process is None:
            return
        process.send_signal(first)
        process.send_signal(signal.SIGCONT)  # A frozen process notices nothing but SIGKILL.
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _guard(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> subprocess.Popen[bytes]:
    argv = ("/bin/sh", "-c", _GUARD, "guard", stop_signal.name.removeprefix("SIG"), str(process.pid))
    return subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
