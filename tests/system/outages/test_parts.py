"""One of our own processes, or the mail server, is gone or hangs: its own part is late or refused, the rest goes on."""

import asyncio
import signal
import sys
import time
from urllib.parse import urlsplit

import pytest

from tests.draining.replicas import replica
from tests.proofs import rounds
from tests.servers import PROJECT
from tests.system.outages.load import under_load
from tests.waiting import until

pytestmark = pytest.mark.kills

PAGE = {"Origin": "http://localhost:3000"}
PATIENCE_SECONDS = 60
HANGING = 20
ANSWERS = rounds(500)
AWAY = {"upstream_unreachable", "upstream_reset", "upstream_connect_timeout", "circuit_open", "no_endpoint"}


class TestAServiceThatIsKilled:
    @pytest.mark.parametrize("gone", ["auth-service", "todo-service"])
    async def test_is_a_problem_that_a_page_can_read(self, running_set, new_person, mail_arrives, gone):
        """Its own routes are 502 or 503 with CORS fields, the other's are untouched; then it works again."""
        ada = await new_person()
        login = {"email": ada.email, "password": ada.password}
        ask = {
            "auth-service": lambda: ada.client.post("/auth/login", json=login, headers=PAGE),
            "todo-service": lambda: ada.client.post("/todos", json={"title": "Back"}, headers=PAGE),
        }
        [other] = ask.keys() - {gone}
        running_set.signal(gone, signal.SIGKILL)

        away, elsewhere = await asyncio.gather(ask[gone](), ask[other]())

        assert away.status_code in {502, 503}
        assert away.json()["code"] in AWAY
        assert away.headers["access-control-allow-origin"] == PAGE["Origin"]
        assert elsewhere.is_success

        async def works() -> bool:
            return (await ask[gone]()).is_success

        await until(works, PATIENCE_SECONDS)
        await mail_arrives(ada.email, "Todo created: Back")


class TestAServiceThatHangs:
    @pytest.mark.parametrize("hanging", ["auth-service", "todo-service"])
    async def test_holds_nobody_else_up(self, running_set, new_person, hanging):
        """While its requests wait, those of the other service are answered as ever; then it answers again."""
        ada, paths = await new_person(), {"auth-service": "/auth/me", "todo-service": "/todos"}
        slow = paths.pop(hanging)
        [quick] = paths.values()
        before = await self.timed(ada, quick)
        running_set.signal(hanging, signal.SIGSTOP)
        try:
            waiting = [asyncio.create_task(ada.client.get(slow)) for _ in range(HANGING)]
            while_it_hangs = await self.timed(ada, quick)
            still_wait = [task for task in waiting if not task.done()]
        finally:
            running_set.signal(hanging, signal.SIGCONT)

        assert len(still_wait) == HANGING
        assert {(await task).status_code for task in waiting} <= {200, 504}

        async def works() -> bool:
            return (await ada.client.get(slow)).status_code == 200

        await until(works, PATIENCE_SECONDS)
        sys.stdout.write(
            f"{quick} while {hanging} hangs: p99 {before:.1f} ms, then {while_it_hangs:.1f} ms (bar: 20 %)\n"
        )

    async def timed(self, person, path: str) -> float:
        """Ask for a path some times, one after the other; return the milliseconds that 99 % took at most.

        It takes half as long as the gateway waits for a service at most.
        """
        took: list[float] = []
        ends = time.perf_counter() + 5
        while len(took) < ANSWERS and time.perf_counter() < ends:
            began = time.perf_counter()
            assert (await person.client.get(path)).status_code == 200
            took.append((time.perf_counter() - began) * 1000)
        return sorted(took)[len(took) * 99 // 100]


class TestAWorkerThatIsKilled:
    async def test_sends_later(self, running_set, new_person, mail_arrives):
        """Answers are unchanged without a worker, and its successor sends the mail."""
        ada = await new_person()
        running_set.signal("todo-worker", signal.SIGKILL)

        created = await ada.create("Without a worker")

        assert created.status_code == 201
        await mail_arrives(ada.email, "Todo created: Without a worker")


class TestTheMailServer:
    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
    async def test_holds_nothing_up_and_mails_come_later(self, running_set, inside, new_person, mail_arrives, number):
        """While it takes no mail, todos are created as ever; the mails wait in the database."""
        ada = await new_person()
        running_set.signal("mail", number)
        try:
            answers = [await ada.create(f"Todo {n}") for n in range(5)]
            if number == signal.SIGKILL:
                await until(inside.shows_mails, PATIENCE_SECONDS)
        finally:
            if number == signal.SIGSTOP:
                running_set.signal("mail", signal.SIGCONT)

        assert {answer.status_code for answer in answers} == {201}
        await inside.hurry()
        for n in range(5):
            await mail_arrives(ada.email, f"Todo created: Todo {n}")


class TestAGatewayThatIsKilled:
    async def test_takes_only_its_own_connections_along(self, running_set, people):
        """Of two gateways one dies: whoever asks the other one notices nothing."""
        urls = running_set.stack()["urls"]
        environment = {
            "BIND_ADDRESS": "127.0.0.1",
            "GATEWAY_CONFIG": str(PROJECT / "gateway" / "gateway.toml"),
            # The issuer of the tokens.
            "PUBLIC_URL": f"http://localhost:{urlsplit(running_set.url).port}",
            "AUTH_JWKS_URL": f"{urls['auth-service']}/.well-known/jwks.json",
            "GATEWAY_UPSTREAM_AUTH_URL": urls["auth-service"],
            "GATEWAY_UPSTREAM_TODO_URL": urls["todo-service"],
            "THROTTLE_FACTOR": "100000",
        }
        async with replica("gateway", environment) as second:
            unlucky, others = people[:2], people[2:]
            for person in unlucky:
                person.client.base_url = second.client.base_url
            async with under_load(others) as load:
                async with under_load(unlucky) as doomed:
                    await load.goes_on(ANSWERS)
                    await doomed.goes_on(ANSWERS)
                    second.process.kill()
                    await until(doomed.bad, PATIENCE_SECONDS)
                await load.goes_on(ANSWERS)

        assert load.bad() == {}
        assert {status for _, status, _ in doomed.bad()} == {0}
