"""Many who log in at once: hashing is bounded."""

import asyncio
import json
import time
from pathlib import Path

from tests.auth_service.processes import START_SECONDS, environment, running
from tests.auth_service.running import PASSWORD, assert_problem, new_address
from tests.waiting import until

MIB = 1024
"""In the kilobytes of /proc."""


def memory_of(process):
    """How many kilobytes of memory the process has now."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def slowest_of(client, going):
    """Ask /livez for as long as `going()`; return the 99th percentile of the seconds that it took."""
    taken = []
    while going():
        asked = time.perf_counter()
        assert (await client.get("/livez")).status_code == 200
        taken.append(time.perf_counter() - asked)
        await asyncio.sleep(0.005)
    return sorted(taken)[int(len(taken) * 0.99)]


async def login_by(connection):
    """Log somebody in over a connection that is open; return the status. It costs the test hardly any time."""
    reader, writer = connection
    body = json.dumps({"email": new_address(), "password": PASSWORD}).encode()
    head = "POST /auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1])


class TestACrowdLoggingIn:
    async def test_is_turned_away_beyond_fifty(self, service, stranger):
        """With every thread taken and fifty waiting, the next is told at once to try again."""
        hasher = service.app.state.hasher
        async with hasher.permit(), hasher.permit():
            logins = [asyncio.ensure_future(stranger.login(new_address())) for _ in range(51)]
            done, waiting = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED, timeout=10)
            connections = service.app.state.database.engine.pool.checkedout()
        (refused,) = (login.result() for login in done)
        answers = [await login for login in waiting]

        assert_problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert connections == 0, "a login that waits for its turn holds a database connection"
        assert [answer.status_code for answer in answers] == [401] * 50

    async def test_leaves_the_event_loop_free(self, service):
        """While a password is hashed, the event loop goes on turning."""
        turns = 0
        async with service.app.state.hasher.permit() as permit:
            hashing = asyncio.ensure_future(permit.hash(PASSWORD))
            while not hashing.done():
                await asyncio.sleep(0)
                turns += 1

        assert turns > 10, "hashed in line, the loop turns once or twice"

    async def test_leaves_the_process_answering(self, migrated_database):
        """While a hundred log in at once, /livez is answered all the time, and the memory hardly grows."""
        async with running(environment(DATABASE_URL=await migrated_database("auth"))) as process:
            await until(process.is_up, START_SECONDS)
            client, address = process.client, process.client.base_url
            connections = [await asyncio.open_connection(address.host, address.port) for _ in range(101)]
            assert await login_by(connections.pop()) == 401
            memory, began = memory_of(process), time.perf_counter()
            logins = [asyncio.ensure_future(login_by(connection)) for connection in connections]
            slowest = await slowest_of(client, lambda: not all(login.done() for login in logins))
            crowd = time.perf_counter() - began
            grown = memory_of(process) - memory

        # Compared with the crowd's own time, which a busy machine stretches as well. How fast it is on an idle machine,
        # `make bench` says.
        assert slowest < crowd / 4, f"{slowest * 1000:.0f} ms of {crowd * 1000:.0f} ms"
        assert grown < 80 * MIB
        assert {login.result() for login in logins} == {401, 503}
