"""The embedded servers: what `make up` and every other test stand on."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from devstack.ports import free_ports
from devstack.servers import Postgres


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Wait for a condition, at most so long."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class TestPostgres:
    async def test_is_postgresql_18(self, postgres):
        """It is the major version that production runs, with text sorted and folded as Unicode says."""
        connection = await asyncpg.connect(postgres.admin_url)
        version, folded = await connection.fetchrow("SELECT current_setting('server_version_num')::int, lower('ÄÖ')")
        await connection.close()

        assert (version // 10_000, folded) == (18, "äö")

    @pytest.mark.parametrize("role", ["auth", "todo"])
    async def test_urls_work_with_sqlalchemy(self, postgres, role):
        """The URL of a role, with the driver added, is one that SQLAlchemy and asyncpg take."""
        engine = create_async_engine(make_url(postgres.url_for(role)).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            row = (await connection.execute(text("SELECT current_user, current_database()"))).one()
        await engine.dispose()

        assert tuple(row) == (role, role)

    @pytest.mark.parametrize(("role", "other"), [("auth", "todo"), ("todo", "auth")])
    async def test_roles_are_separate(self, postgres, role, other):
        """A service cannot even connect to the other one's database."""
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(postgres.url_for(role, other))

    async def test_nobody_else_reaches_the_socket(self, postgres):
        """It listens on no address, only on a socket in a folder of mode 700: that is why no role has a password."""
        connection = await asyncpg.connect(postgres.admin_url)
        addresses = await connection.fetchval("SHOW listen_addresses")
        await connection.close()

        assert addresses == ""
        assert stat.S_IMODE(postgres.place.socket.stat().st_mode) == 0o700

    async def test_only_tests_trade_durability_for_speed(self, new_postgres):
        """`make up` runs it with its settings as shipped; what a test runs keeps its data through a kill only."""
        fast = new_postgres()
        connection = await asyncpg.connect(fast.admin_url)
        found = [await connection.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit")]
        await connection.close()

        assert found == ["off", "on"]
        assert not any("fsync" in word for word in Postgres(fast.place.data).command.argv)

    async def test_data_survives_a_kill(self, new_postgres):
        """Killed and started again, it has what was committed, and its roles are not created twice."""
        server = new_postgres()
        connection = await asyncpg.connect(server.url_for("todo"))
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

        server.kill()
        server.start()
        server.create_databases()

        connection.terminate()
        connection = await asyncpg.connect(server.url_for("todo"))
        assert await connection.fetchval("SELECT number FROM kept") == 7
        await connection.close()

    async def test_stops_at_once_with_clients_connected(self, new_postgres):
        """A client that stays connected does not hold up the stop."""
        server = new_postgres()
        connection = await asyncpg.connect(server.url_for("todo"))

        began = time.monotonic()
        server.stop()

        assert time.monotonic() - began < 3
        connection.terminate()

    async def test_errors_stay_out_of_its_log(self, new_postgres):
        """An error quotes its row, and rows hold e-mail addresses: the server keeps quiet about it."""
        server = new_postgres()
        connection = await asyncpg.connect(server.url_for("auth"))
        await connection.execute("CREATE TABLE people (email text PRIMARY KEY); INSERT INTO people VALUES ('canary@x')")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("INSERT INTO people VALUES ('canary@x')")
        await connection.close()

        assert "canary" not in (server.place.data / "server.log").read_text()


class TestValkey:
    def test_runs_with_the_settings_of_production(self, valkey):
        """Nothing is saved, nothing is replicated, and only keys with an expiry are ever evicted."""
        answers = {name: valkey.ask(f"CONFIG GET {name}").split()[-1] for name in ("appendonly", "maxmemory-policy")}

        assert answers == {"appendonly": "no", "maxmemory-policy": "volatile-ttl"}
        assert valkey.ask("CONFIG GET save").endswith("$0\r\n\r\n")
        assert valkey.ask("CONFIG GET maxmemory").split()[-1] == str(128 * 1024 * 1024)

    def test_freezes_and_goes_on(self, new_valkey):
        """A paused one accepts connections and is silent; resumed, it answers."""
        server = new_valkey()

        server.pause()
        silent = server.ask("PING")
        server.resume()

        assert (silent, server.ask("PING")) == ("", "+PONG\r\n")

    def test_forgets_at_a_restart(self, new_valkey):
        """What it held is gone when it is started again, on the same port."""
        server = new_valkey()
        server.ask("SET colour blue")

        server.kill()
        server.start()

        assert server.ask("GET colour") == "$-1\r\n"

    def test_a_frozen_one_can_be_stopped(self, new_valkey):
        """Stopping wakes it first, so that it ends gracefully instead of holding up the stop for four seconds."""
        server = new_valkey()
        server.pause()

        began = time.monotonic()
        server.stop()

        assert time.monotonic() - began < 3


class TestTheOwnersDeath:
    def test_ends_the_server(self, tmp_path: Path):
        """A test run that is killed leaves no server behind."""
        (port,) = free_ports(1)
        code = (
            "import sys, time; from pathlib import Path; from devstack.servers import start_valkey\n"
            f"server = start_valkey(Path({str(tmp_path)!r}), {port}); print(server.pid, flush=True); time.sleep(60)"
        )
        owner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())

        os.kill(owner.pid, signal.SIGKILL)
        owner.communicate()

        assert within(5, lambda: not Path(f"/proc/{pid}").exists() or not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TestDatabases:
    async def test_are_new_and_owned_by_the_role(self, new_database):
        """Each is empty, and the role may create what it likes in it."""
        first, second = await new_database("todo"), await new_database("todo")
        connection = await asyncpg.connect(first)
        await connection.execute("CREATE TABLE mine ()")
        await connection.close()
        connection = await asyncpg.connect(second)

        assert await connection.fetchval("SELECT to_regclass('mine')") is None
        await connection.close()
