"""POST /auth/login"""

import asyncio

import pytest
from sqlalchemy import text

from tests.auth_service.running import PASSWORD, Device, assert_problem, new_address
from tests.waiting import until


class TestLoggingIn:
    async def test_opens_a_session_of_its_own(self, ada, stranger):
        """Every login is a new session, with tokens of its own."""
        answer = await stranger.login(ada.email)

        assert answer.status_code == 200
        assert stranger.answer["session_id"] != ada.answer["session_id"]
        assert stranger.answer["user"] == ada.answer["user"]

    @pytest.mark.parametrize("spelling", [str.upper, str.title])
    async def test_finds_the_address_in_any_case(self, ada, stranger, spelling):
        """Nobody has to remember how they once wrote their address."""
        answer = await stranger.login(spelling(ada.email))

        assert answer.status_code == 200

    @pytest.mark.parametrize(("remember", "days"), [(False, 30), (True, 90)])
    async def test_lasts_as_long_as_asked(self, service, ada, stranger, remember, days):
        """`remember` lets the session last 90 days instead of 30, if it is used every 14."""
        await stranger.login(ada.email, remember=remember)

        lasts = await service.sql(
            "SELECT absolute_expires_at - created_at = make_interval(days => :days),"
            " idle_expires_at - created_at = make_interval(days => 14) FROM sessions WHERE id = :id",
            days=days,
            id=stranger.answer["session_id"],
        )
        assert lasts == [(True, True)]

    async def test_ignores_a_token_that_was_there_before(self, service, ada, client):
        """A refresh token that somebody planted in the browser becomes nobody's session."""
        planted = "rt1." + "A" * 43
        body = {"email": ada.email, "password": PASSWORD}

        answer = await client.post("/auth/login", json=body, headers={"Cookie": f"todo_rt={planted}"})

        assert answer.status_code == 200
        assert planted not in answer.headers["set-cookie"]

    async def test_remembers_from_where(self, service, ada, client):
        """The session notes address and browser, and no more of its name than 512 characters."""
        body = {"email": ada.email, "password": PASSWORD}
        answer = await client.post("/auth/login", json=body, headers={"User-Agent": "x" * 2000})

        seen = await service.sql(
            "SELECT host(ip), length(user_agent), client_id, amr FROM sessions WHERE id = :id",
            id=answer.json()["session_id"],
        )
        assert seen == [("127.0.0.1", 512, "todo-web", ["pwd"])]

    async def test_rehashes_when_the_cost_has_changed(self, service, ada, stranger, hash_with):
        """A password whose hash is of another cost is stored at today's, and still opens."""
        hash_with(memory_cost=8192, time_cost=1, parallelism=1)

        first, second = await stranger.login(ada.email), await stranger.login(ada.email)

        stored = await service.sql(
            "SELECT hash FROM credentials JOIN users ON id = user_id WHERE email = :email", email=ada.email
        )
        assert (first.status_code, second.status_code) == (200, 200)
        assert stored[0][0].startswith("$argon2id$v=19$m=8192,t=1,p=1$")


class TestALoginThatFails:
    async def test_does_not_tell_why(self, service, ada, client):
        """Wrong password, unknown address and disabled account get the same answer."""
        disabled = await service.register()
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=disabled.email)

        answers = [
            await Device(client).login(ada.email, password="a wrong password"),
            await Device(client).login(new_address()),
            await Device(client).login(disabled.email),
        ]

        bodies = [assert_problem(answer, 401, "invalid_credentials") for answer in answers]
        assert len({body["detail"] for body in bodies}) == 1
        assert all("set-cookie" not in answer.headers for answer in answers)

    async def test_costs_the_same_whoever_is_named(self, service, ada, client, statements, hash_with):
        """For each of them one hash is verified and the same statements are sent."""
        disabled = await service.register()
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=disabled.email)
        hasher = hash_with(memory_cost=19_456, time_cost=2, parallelism=1)
        costs = []
        for email, password in (
            (ada.email, "a wrong password"),
            (new_address(), PASSWORD),
            (disabled.email, PASSWORD),
        ):
            statements.clear()
            before = hasher.calls
            await Device(client).login(email, password=password)
            costs.append((hasher.calls - before, tuple(statements)))

        assert costs[0][0] == 1
        # One reads the account, one counts the failure, one writes it down.
        assert len(costs[0][1]) == 3
        assert costs[0] == costs[1] == costs[2]

    @pytest.mark.parametrize(
        "changed", [{"email": "ada"}, {"password": None}, {"remember": "perhaps"}, {"user_id": "1"}]
    )
    async def test_names_a_wrong_field(self, stranger, changed):
        """Fields are checked as everywhere, before anybody is looked for."""
        body = {"email": new_address(), "password": PASSWORD} | changed
        answer = await stranger.post("/auth/login", body)

        assert_problem(answer, 422, "validation_error")


class TestALoginThatMeetsAChange:
    @pytest.mark.parametrize("change", ["status = 'disabled'", "token_version = token_version + 1"])
    async def test_looks_again_before_it_opens(self, service, ada, stranger, change):
        """An account that is ended while its password is verified opens nothing: the row is looked at under lock."""
        pid = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"

        async def is_waiting():
            return await service.sql(pid) == [(1,)]

        async with service.app.state.database.engine.begin() as other:
            await other.execute(text(f"UPDATE users SET {change} WHERE email = :email"), {"email": ada.email})
            login = asyncio.ensure_future(stranger.login(ada.email))
            await until(is_waiting)

        assert_problem(await login, 401, "invalid_credentials")
