"""One request, one transaction; and what a failing database looks like from outside."""

import asyncio

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import CursorResult, TextClause, select, text

from devstack.places import temporary_folder
from devstack.servers import start_postgres
from shared.body_limit import BodyLimit
from shared.database import API, Database, Profile, Session, transaction
from shared.faults import install_problem_handlers
from shared.problems import Busy, ConstraintViolation, DatabaseUnavailable
from shared.request_session import SessionDep
from shared.resources import opens

TABLE = """CREATE TABLE IF NOT EXISTS notes (
    id int PRIMARY KEY, owner text NOT NULL CHECK (owner <> ''),
    UNIQUE (owner) DEFERRABLE INITIALLY DEFERRED)"""


@pytest.fixture(scope="module")
def server():
    """A server for this module, which its tests may stop when they start it again."""
    with temporary_folder() as folder, start_postgres(folder / "postgres", durable=False) as server:
        yield server


@pytest.fixture
async def database(server):
    """The service's database, with one empty table."""
    async with Database.open(server.url_for("todo"), "tests") as database:
        async with transaction(database.sessions) as session:
            await run(session, text(TABLE))
            await run(session, text("TRUNCATE notes"))
        yield database


async def run(session: Session, statement: TextClause, values: dict[str, object] | None = None) -> CursorResult:
    """Run plain SQL in the session's transaction."""
    return await (await session.connection()).execute(statement, values)


async def count(database: Database) -> int:
    """Return how many notes are committed."""
    async with transaction(database.sessions) as session:
        return (await run(session, text("SELECT count(*) FROM notes"))).scalar_one()


INSERT = text("INSERT INTO notes (id, owner) VALUES (:id, :owner)")


class TestTransaction:
    async def test_commits_at_the_end(self, database):
        """What the block did is visible to others after it."""
        async with transaction(database.sessions) as session:
            await run(session, INSERT, {"id": 1, "owner": "ada"})

        assert await count(database) == 1

    async def test_rolls_back_when_the_block_raises(self, database):
        """An error leaves nothing behind, and is raised as it was."""
        with pytest.raises(LookupError):
            async with transaction(database.sessions) as session:
                await run(session, INSERT, {"id": 1, "owner": "ada"})
                raise LookupError

        assert await count(database) == 0

    async def test_a_refused_value_is_a_problem(self, database):
        """An IntegrityError becomes 400 without the database's words."""
        with pytest.raises(ConstraintViolation) as refused:
            async with transaction(database.sessions) as session:
                await run(session, INSERT, {"id": 1, "owner": ""})

        assert "notes" not in refused.value.detail

    async def test_a_refused_commit_is_a_problem(self, database):
        """A constraint that is checked at COMMIT refuses as loudly."""
        with pytest.raises(ConstraintViolation):
            async with transaction(database.sessions) as session:
                await run(session, INSERT, {"id": 1, "owner": "ada"})
                await run(session, INSERT, {"id": 2, "owner": "ada"})

        assert await count(database) == 0

    async def test_a_lock_that_does_not_come_is_busy(self, server, database):
        """Waiting for somebody's lock ends in `busy`."""
        await self.insert_one(database)
        impatient = Profile(pool_size=1, max_overflow=0, server_settings={"lock_timeout": "100ms"})
        async with (
            Database.open(server.url_for("todo"), "tests", impatient) as other,
            transaction(database.sessions) as holder,
        ):
            await run(holder, text("SELECT * FROM notes FOR UPDATE"))
            with pytest.raises(Busy):
                async with transaction(other.sessions) as session:
                    await run(session, text("SELECT * FROM notes FOR UPDATE"))

    async def test_an_exhausted_pool_is_busy(self, server):
        """No connection within a second is `busy`, not a longer wait."""
        single = Profile(pool_size=1, max_overflow=0, server_settings={})
        async with (
            Database.open(server.url_for("todo"), "tests", single) as database,
            transaction(database.sessions) as holder,
        ):
            await run(holder, text("SELECT 1"))
            with pytest.raises(Busy):
                async with asyncio.timeout(10), transaction(database.sessions) as session:
                    await run(session, text("SELECT 1"))

    async def insert_one(self, database):
        """Commit one note."""
        async with transaction(database.sessions) as session:
            await run(session, INSERT, {"id": 1, "owner": "ada"})


class TestEndHooks:
    async def test_run_after_the_commit(self, database):
        """A hook sees what was committed, and hooks run in order."""
        seen = []

        async def look():
            seen.append(await count(database))

        async def note():
            seen.append("second")

        async with transaction(database.sessions) as session:
            session.on_end(look)
            session.on_end(note)
            await run(session, INSERT, {"id": 1, "owner": "ada"})
            assert seen == []

        assert seen == [1, "second"]

    async def test_run_after_a_rollback(self, database):
        """A hook runs however the transaction ended."""
        seen = []

        async def note():
            seen.append("ended")

        with pytest.raises(LookupError):
            async with transaction(database.sessions) as session:
                session.on_end(note)
                raise LookupError

        assert seen == ["ended"]

    async def test_cannot_fail_the_request(self, database):
        """What a hook raises is logged; the others run."""
        seen = []

        async def fail():
            raise LookupError

        async def note():
            seen.append("ran")

        async with transaction(database.sessions) as session:
            session.on_end(fail)
            session.on_end(note)

        assert seen == ["ran"]


class TestTheRequest:
    @pytest.fixture
    async def client(self, server):
        """A client of an app that writes."""
        url = server.url_for("todo")
        app = FastAPI(lifespan=opens(database=lambda _: Database.open(url, "tests", API)))
        install_problem_handlers(app)
        app.add_middleware(BodyLimit, max_bytes=100)

        @app.post("/notes/{number}", status_code=201)
        async def create(number: int, session: SessionDep) -> str:
            await run(session, INSERT, {"id": number, "owner": "ada"})
            return "created"

        @app.post("/lost/{number}", status_code=201)
        async def lose(number: int, session: SessionDep) -> str:
            await run(session, INSERT, {"id": number, "owner": f"owner {number}"})
            server.kill()
            return "created"

        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://t") as client,
        ):
            yield client

    async def test_is_answered_after_its_commit(self, client, database):
        """A commit that fails is the answer: 201 is never said of it."""
        await client.post("/notes/1")

        response = await client.post("/notes/2")

        assert response.status_code == 400
        assert response.json()["code"] == "constraint_violation"
        assert await count(database) == 1

    async def test_says_when_the_outcome_is_unknown(self, client, database, server):
        """A connection that dies before COMMIT's answer is 503 `outcome_unknown`."""
        response = await client.post("/lost/1")

        assert response.status_code == 503
        assert response.json()["code"] == "outcome_unknown"
        assert response.headers["retry-after"] == "1"
        server.start()

    async def test_meets_a_database_that_is_away(self, client, database, server):
        """503 `database_unavailable` while it is away; 201 by itself when it is back."""
        server.stop()
        away = await client.post("/notes/1")
        server.start()
        back = await client.post("/notes/1")

        assert (away.status_code, away.json()["code"]) == (503, "database_unavailable")
        assert away.headers["retry-after"] == "1"
        assert back.status_code == 201


class TestReadiness:
    async def test_follows_the_server(self, database, server):
        """The check has a reason while the server is away, and none again when it is back."""
        assert await database.check() is None

        server.stop()
        async with asyncio.timeout(3):
            while not (reason := await database.check()):
                await asyncio.sleep(0.05)
        assert reason.startswith("database: ")

        server.start()
        async with asyncio.timeout(3):
            while await database.check():
                await asyncio.sleep(0.05)

    async def test_a_database_that_never_was_is_a_problem(self, tmp_path):
        """Opening connects to nothing; using it says that it is away."""
        async with Database.open(f"postgresql://todo@/todo?host={tmp_path}", "tests") as database:
            with pytest.raises(DatabaseUnavailable):
                async with transaction(database.sessions) as session:
                    await run(session, text("SELECT 1"))

    async def test_a_database_that_is_being_restored_is_a_problem(self, server):
        """A server without it, or that keeps it closed meanwhile, is as good as away."""
        async with Database.open(server.url_for("todo", "restored"), "tests") as database:
            with pytest.raises(DatabaseUnavailable):
                await database.read(select(1), {})
            admin = await asyncpg.connect(server.admin_url)
            await admin.execute("CREATE DATABASE restored ALLOW_CONNECTIONS false")
            await admin.close()
            with pytest.raises(DatabaseUnavailable):
                async with transaction(database.sessions) as session:
                    await run(session, text("SELECT 1"))
