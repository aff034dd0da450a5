"""`python -m devstack up` runs the whole set on this machine; `python -m devstack reset` deletes its data."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from devstack.commands import CannotStart
from devstack.console import Console
from devstack.places import delete
from devstack.ports import fixed_ports
from devstack.processes import Supervisor
from devstack.stack import Stack, claimed
from devstack.startup import POSTGRES_FOLDER, start_set

PROJECT = Path(__file__).resolve().parents[3]
"""The project's root: devstack is installed editable, its sources stay where they are."""

_WELCOME = """
ready: {url}
docs:  http://localhost:{port}/docs
mail:  {mail_url}
data:  {data}
Ctrl-C stops everything, the data stays; make reset deletes it. A first request to paste:

  curl -sS {url}/auth/register -H 'Content-Type: application/json' \\
    -d '{{"email": "ada@example.com", "password": "correct horse battery"}}'

"""


def main() -> int:
    """Run the command that the arguments name. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="devstack", description="Runs the whole set on this machine, without Docker.")
    parser.add_argument("command", choices=("up", "reset"))
    parser.add_argument("--folder", type=Path, default=PROJECT / ".devstack", help="where data and state are kept")
    arguments = parser.parse_args()
    command, folder = arguments.command, arguments.folder.absolute()
    try:
        with claimed(folder) as stack:
            if left := stack.end_leftovers():
                Console().say(f"ended what an earlier run had left: {', '.join(left)}")
            return reset(folder) if command == "reset" else asyncio.run(up(stack))
    except PermissionError as error:
        sys.stderr.write(f"make {command}: {error.filename} belongs to another user: run it as that user\n")
        return 1
    except (CannotStart, OSError) as error:
        sys.stderr.write(f"make {command}: {error}\n")
        return 1
    except KeyboardInterrupt:  # Before there was anything to stop.
        return 130


def reset(folder: Path) -> int:
    """Delete the set's data and secrets. Raises `OSError` where they are somebody else's."""
    delete(folder / POSTGRES_FOLDER)
    delete(folder)
    Console().say(f"deleted {folder}")
    return 0


async def up(stack: Stack) -> int:
    """Run the set until a signal ends it. Raises `CannotStart` when it does not come up; then nothing is left of it."""
    fixed = fixed_ports(os.environ)
    console = Console()
    supervisor = Supervisor(console, stack.write)
    asked_to_end = _signals(supervisor)
    console.say("starting: until `ready` the parts miss each other, and warn of it")
    starting = asyncio.create_task(start_set(PROJECT, supervisor, stack, fixed))
    try:
        await asyncio.wait((starting, asked_to_end, supervisor.failed), return_when=asyncio.FIRST_COMPLETED)
        if not asked_to_end.done():
            if supervisor.failed.done():
                raise supervisor.failed.result()
            at = await starting
            supervisor.settle()
            console.show(_WELCOME.format(url=at.url, port=at.port, mail_url=at.mail_url, data=at.data))
            await asked_to_end
        console.say("stopping")
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await supervisor.stop()
    return 0


def _signals(supervisor: Supervisor) -> asyncio.Future[None]:
    """Return a future that the first signal to end fulfils. A second signal kills all children."""
    loop = asyncio.get_running_loop()
    asked_to_end: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if asked_to_end.done():
            supervisor.kill()
        else:
            asked_to_end.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, on_signal)
    return asked_to_end


if __name__ == "__main__":
    sys.exit(main())
