"""The supervisor: runs commands as children with sessions of their own, passes on what they say, keeps them running.

A session of its own keeps the terminal's Ctrl-C away from a child: only the supervisor hears it, and stops the children
in order.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from devstack.commands import CannotStart, Command, Kind
from devstack.console import Console
from devstack.stack import Entry

RESTART_SECONDS = 1.0
STOP_SECONDS = 4.0
TAIL_LINES = 30


class Child:
    """One run of a command."""

    def __init__(self, command: Command, process: asyncio.subprocess.Process, console: Console) -> None:
        self.command = command
        self.entry = Entry.of(command, process.pid)
        self._process = process
        self._console = console
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._pump = asyncio.create_task(self._pass_on())
        self.ended = asyncio.create_task(self._end())
        """Done when the process has ended; the result is how it failed, None when it ended well."""

    def failure(self, problem: str) -> CannotStart:
        """The error that tells the problem and the child's last words."""
        words = "\n".join(self._tail) or "(it said nothing)"
        return CannotStart(f"{self.command.name} {problem}. Its last words:\n{words}")

    def ask_to_end(self) -> None:
        """Send the signal by which the command likes to be ended."""
        with suppress(ProcessLookupError):
            self._process.send_signal(self.command.stop_signal)

    def kill(self) -> None:
        """End it by SIGKILL, and everything else in its process group."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _end(self) -> str | None:
        code = await self._process.wait()
        # A grandchild that lives on may hold the pipe open; its words are not worth waiting for.
        await asyncio.wait((self._pump,), timeout=0.5)
        self._pump.cancel()
        if code == 0:
            return None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    async def _pass_on(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        while chunk := await self._process.stdout.read(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._hear(line)
        if rest:
            self._hear(rest)

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._tail.append(text)
        self._console.say(text or " ", of=self.command.name)


class Supervisor:
    """Children by name. One that ends before `settle` fails the whole start; later it is started again."""

    def __init__(self, console: Console, record: Callable[[Iterable[Entry]], None]) -> None:
        self.failed: asyncio.Future[CannotStart] = asyncio.get_running_loop().create_future()
        """Done when a child ended before `settle`; the result says which, and how."""
        self._console = console
        self._record = record
        self._children: dict[str, Child] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._settled = False
        self._stopping = asyncio.Event()

    async def start(self, command: Command) -> None:
        """Start a command that is to run until `stop`."""
        child = await self._spawn(command)
        self._keepers.add(asyncio.create_task(self._keep(child)))

    async def run(self, command: Command) -> None:
        """Run a command to its end. Raises `CannotStart` with its last words when it fails."""
        child = await self._spawn(command)
        if (problem := await asyncio.shield(child.ended)) is not None:
            raise child.failure(problem)

    def settle(self) -> None:
        """From now on a child that ends by itself is reported, and started again a second later."""
        self._settled = True

    async def stop(self) -> None:
        """End all children in the order of `Kind`, within four seconds, after which SIGKILL ends whoever is left.

        A kind that hangs holds up the next one for a second only, so that everybody is asked before anybody is killed.
        """
        self._stopping.set()
        clock = asyncio.get_running_loop().time
        end = clock() + STOP_SECONDS
        for later, kind in zip(reversed(range(len(Kind))), Kind, strict=True):
            children = [child for child in self._children.values() if child.command.kind is kind]
            for child in children:
                child.ask_to_end()
            await _gone(children, end - later * STOP_SECONDS / len(Kind) - clock())
        await _gone(self._children.values(), end - clock())
        self.kill()
        await _gone(self._children.values(), STOP_SECONDS)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)

    def kill(self) -> None:
        """End all children at once."""
        self._stopping.set()
        for child in self._children.values():
            child.kill()

    async def _keep(self, child: Child) -> None:
        problem = await child.ended or "ended"
        if not self._settled and not self._stopping.is_set() and not self.failed.done():
            self.failed.set_result(child.failure(problem))
        while self._settled and not self._stopping.is_set():
            self._console.say(f"{child.command.name} {problem}; it is started again in a second")
            await asyncio.sleep(RESTART_SECONDS)
            try:
                child = await self._spawn(child.command)
                problem = await child.ended or "ended"
            except CannotStart as error:
                problem = str(error)

    async def _spawn(self, command: Command) -> Child:
        if self._stopping.is_set():
            raise CannotStart(f"{command.name} is not started any more")
        try:
            process = await asyncio.create_subprocess_exec(
                *command.argv,
                cwd=command.folder,
                env=command.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                **command.identity,
            )
        except OSError as error:
            raise CannotStart(f"{command.name} cannot be run: {error}") from error
        child = self._children[command.name] = Child(command, process, self._console)
        child.ended.add_done_callback(lambda _: self._forget(child))
        if self._stopping.is_set():  # It was asked for while the others were being stopped.
            child.kill()
        self._record_all()
        return child

    def _forget(self, child: Child) -> None:
        del self._children[child.command.name]
        self._record_all()

    def _record_all(self) -> None:
        self._record([child.entry for child in self._children.values()])


async def _gone(children: Iterable[Child], seconds: float) -> None:
    if ending := [child.ended for child in children]:
        await asyncio.wait(ending, timeout=max(seconds, 0))
