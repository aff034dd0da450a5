"""Parts of the set are frozen and killed; nothing acknowledged is lost, and everything comes back by itself."""

import signal
import time

import pytest

from tests.waiting import until

pytestmark = pytest.mark.kills

RECOVERY_SECONDS = 15
PAGE = {"Origin": "http://localhost:3000"}


class TestWithoutRedis:
    async def test_everything_works_and_the_mail_waits(self, running_set, new_person, mails_to, mail_arrives):
        """A frozen Redis costs time, no todo and no mail."""
        ada = await new_person()
        running_set.signal("valkey", signal.SIGSTOP)
        try:
            started = time.perf_counter()
            created = await ada.create("Without Redis")
            titles = await ada.titles()
            seconds = time.perf_counter() - started
            before = await mails_to(ada.email)
        finally:
            running_set.signal("valkey", signal.SIGCONT)

        assert created.status_code == 201
        assert titles == ["Without Redis"]
        assert seconds < 1
        assert before == []
        await mail_arrives(ada.email, "Todo created: Without Redis")

    async def test_a_killed_one_loses_nothing(self, running_set, new_person, mail_arrives):
        """Redis starts again empty: lists are right and the mails come."""
        ada = await new_person()
        await ada.create("Before")
        await ada.titles()

        running_set.signal("valkey", signal.SIGKILL)
        created = await ada.create("During")

        assert created.status_code == 201
        assert sorted(await ada.titles()) == ["Before", "During"]
        await mail_arrives(ada.email, "Todo created: During")


class TestWithoutPostgres:
    async def test_says_so_and_recovers(self, running_set, new_person):
        """503 with Retry-After while it is away; then, without a restart of ours, 200."""
        ada = await new_person()
        await ada.create("On disk")
        running_set.signal("postgres", signal.SIGKILL)

        answers = []

        async def is_refused() -> bool:
            answers.append(await ada.client.post("/todos", json={"title": "Again"}, headers=PAGE))
            return answers[-1].status_code != 201

        async def works() -> bool:
            return not await is_refused()

        # The backends of a killed postmaster serve on until they notice.
        await until(is_refused, RECOVERY_SECONDS)
        await until(works, RECOVERY_SECONDS)

        refused = [answer for answer in answers if answer.status_code != 201]
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.headers["retry-after"] for answer in refused} <= {"1", "2", "3"}
        assert {answer.headers["access-control-allow-origin"] for answer in refused} == {PAGE["Origin"]}
        # After five of them the gateway leaves the service alone for a second, and says so.
        codes = {answer.json()["code"] for answer in refused}
        assert codes <= {"database_unavailable", "outcome_unknown", "busy", "circuit_open"}
        assert "On disk" in await ada.titles()


class TestAKilledProcess:
    async def test_the_workers_mail_comes_later(self, running_set, new_person, mail_arrives):
        """Answers are unchanged without a worker, and its successor sends the mail."""
        ada = await new_person()
        running_set.signal("todo-worker", signal.SIGKILL)

        created = await ada.create("Without a worker")

        assert created.status_code == 201
        await mail_arrives(ada.email, "Todo created: Without a worker")

    @pytest.mark.parametrize(("process", "path"), [("todo-service", "/todos"), ("auth-service", "/auth/me")])
    async def test_an_upstream_is_a_problem_that_a_page_can_read(self, running_set, new_person, process, path):
        """502 or 503 with CORS fields while it is away; the other service is untouched; then it works again."""
        ada = await new_person()
        other = "/.well-known/jwks.json" if process == "todo-service" else "/todos"
        running_set.signal(process, signal.SIGKILL)

        away = await ada.client.get(path, headers=PAGE)
        elsewhere = await ada.client.get(other)

        assert away.status_code in {502, 503}
        assert away.headers["access-control-allow-origin"] == PAGE["Origin"]
        assert away.json()["code"].startswith("upstream_")
        assert elsewhere.status_code == 200

        async def works() -> bool:
            return (await ada.client.get(path)).status_code == 200

        await until(works, RECOVERY_SECONDS)
