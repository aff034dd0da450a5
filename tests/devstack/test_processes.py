"""The supervisor, with small stand-ins for the processes of the set."""

import asyncio
import signal
import time

import pytest

from devstack.commands import CannotStart, Command, Kind
from devstack.stack import started_at
from tests.waiting import until

HANGS = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
RUNS = "import time; print('up', flush=True); time.sleep(60)"
STOPS_SLOWLY = (
    "import signal, sys, time; signal.pthread_sigmask(signal.SIG_BLOCK, {15}); print('up', flush=True)\n"
    "signal.sigwait({15}); time.sleep(0.2); open(sys.argv[1], 'a').write(sys.argv[2] + '\\n')"
)


class TestTheLog:
    async def test_names_who_said_a_line(self, running):
        """Every line bears its process's name, also the last one without an end, and stderr counts too."""
        code = "import sys; print('out'); sys.stdout.flush(); sys.stderr.write('half')"

        await running.supervisor.run(running.command("todo-service", code))

        assert running.lines == ["todo-service | out", "todo-service | half"]

    async def test_takes_lines_of_any_length(self, running):
        """A line of a megabyte comes through whole, and what is no UTF-8 as a replacement."""
        code = "import sys; sys.stdout.buffer.write(b'x' * 1_000_000 + b'\\xff\\n')"

        await running.supervisor.run(running.command("gateway", code))

        assert running.lines == [f"gateway      | {'x' * 1_000_000}\ufffd"]


class TestStarting:
    async def test_a_command_that_fails_says_its_last_words(self, running):
        """A migration that fails is an error with its status and what it said last."""
        code = "import sys; print('no such table'); sys.exit(3)"

        with pytest.raises(CannotStart, match=r"todo-migrate ended with status 3\. Its last words:\nno such table"):
            await running.supervisor.run(running.command("todo-migrate", code))

    async def test_a_program_that_is_missing(self, running):
        """What cannot be run at all is named."""
        missing = Command(name="ghost", kind=Kind.SERVICE, argv=("/no/such",), folder=running.folder, environment={})

        with pytest.raises(CannotStart, match="ghost cannot be run"):
            await running.supervisor.start(missing)

    async def test_a_child_that_ends_before_all_are_up_fails_the_start(self, running):
        """It is not started again and again behind the person's back."""
        await running.supervisor.start(running.command("auth-service", "print('AUTH_SECRET: is missing'); exit(2)"))

        async with asyncio.timeout(5):
            error = await running.supervisor.failed

        assert str(error) == "auth-service ended with status 2. Its last words:\nAUTH_SECRET: is missing"

    async def test_children_have_sessions_of_their_own(self, running):
        """The terminal's Ctrl-C does not reach them."""
        code = "import os; print(os.getsid(0) == os.getpid())"

        await running.supervisor.run(running.command("gateway", code))

        assert running.lines == ["gateway      | True"]

    async def test_records_what_runs(self, running):
        """stack.json names each process that runs, with its id and start time."""
        await running.supervisor.start(running.command("todo-worker", RUNS))

        (entry,) = running.stack.read()
        assert (entry.name, entry.pid) == ("todo-worker", running.recorded()["todo-worker"])
        assert entry.started == started_at(entry.pid)


class TestRestarting:
    async def test_follows_an_unexpected_end_after_a_second(self, running):
        """A child that dies while the set runs is reported and started again."""
        await running.supervisor.start(running.command("todo-worker", RUNS))
        running.supervisor.settle()
        await until(lambda: len(running.lines) == 1)
        began = time.monotonic()

        running.supervisor._children["todo-worker"]._process.kill()

        await until(lambda: len(running.lines) == 3)
        assert running.lines[1:] == [
            "devstack     | todo-worker was ended by SIGKILL; it is started again in a second",
            "todo-worker  | up",
        ]
        assert time.monotonic() - began >= 1


class TestStopping:
    async def test_goes_from_the_gateway_to_the_servers(self, running):
        """Each kind is asked when the one before it has ended."""
        order = running.folder / "order"
        names = {"postgres": Kind.SERVER, "todo-worker": Kind.WORKER, "gateway": Kind.GATEWAY, "auth": Kind.SERVICE}
        for name, kind in names.items():
            await running.supervisor.start(running.command(name, STOPS_SLOWLY, str(order), name, kind=kind))
        await until(lambda: len(running.lines) == 4)

        await running.supervisor.stop()

        assert order.read_text().split() == ["gateway", "auth", "todo-worker", "postgres"]
        assert running.recorded() == {}

    async def test_takes_no_longer_than_five_seconds(self, running):
        """Who does not heed SIGTERM is killed after four seconds; the others have been asked by then."""
        order = running.folder / "order"
        await running.supervisor.start(running.command("gateway", HANGS, kind=Kind.GATEWAY))
        await running.supervisor.start(
            running.command("postgres", STOPS_SLOWLY, str(order), "postgres", kind=Kind.SERVER)
        )
        await until(lambda: len(running.lines) == 2)
        pids = running.recorded().values()
        began = time.monotonic()

        await running.supervisor.stop()

        assert 3.9 < time.monotonic() - began < 10
        assert order.read_text() == "postgres\n"
        assert [started_at(pid) for pid in pids] == [None, None]

    async def test_kill_ends_all_at_once(self, running):
        """The second Ctrl-C waits for nobody."""
        await running.supervisor.start(running.command("gateway", HANGS, kind=Kind.GATEWAY))
        await until(lambda: len(running.lines) == 1)
        began = time.monotonic()
        stopping = asyncio.create_task(running.supervisor.stop())

        asyncio.get_running_loop().call_later(0.1, running.supervisor.kill)
        await stopping

        assert time.monotonic() - began < 3

    async def test_the_signal_is_the_one_the_command_likes(self, running):
        """PostgreSQL wants SIGINT: after SIGTERM it would wait for its clients."""
        # It asks for the signal by itself: a background job's children begin with SIGINT ignored.
        code = (
            "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "try:\n print('up', flush=True); time.sleep(60)\nexcept KeyboardInterrupt:\n print('int')"
        )
        command = running.command("postgres", code, kind=Kind.SERVER)
        likes_int = Command(
            **{name: getattr(command, name) for name in ("name", "kind", "argv", "folder", "environment")},
            stop_signal=signal.SIGINT,
        )
        await running.supervisor.start(likes_int)
        await until(lambda: len(running.lines) == 1)

        await running.supervisor.stop()

        assert running.lines[-1] == "postgres     | int"

    async def test_nothing_is_started_any_more(self, running):
        """A start that goes on while all are being stopped gets no further."""
        await running.supervisor.stop()

        with pytest.raises(CannotStart, match="not started any more"):
            await running.supervisor.start(running.command("gateway", RUNS))
