"""Sessions that end at the auth-service, as the todo-service hears of it."""

import asyncio
import time

import httpx

from tests.system.conftest import NewPerson, Person
from tests.waiting import until

LOGOUTS, AT_ONCE = 200, 2


class TestASessionThatEnds:
    async def test_opens_nothing_a_second_later(self, new_person: NewPerson) -> None:
        """From the answer to a logout to the refusal of its access token: 99 of 100 times less than a second."""
        ada = await new_person()
        turns = asyncio.Semaphore(AT_ONCE)

        async def measured() -> float:
            async with turns:
                return await log_out(ada, await log_in(ada))

        seconds = sorted(await asyncio.gather(*(measured() for _ in range(LOGOUTS))))

        median, p99 = seconds[LOGOUTS // 2], seconds[LOGOUTS * 99 // 100 - 1]
        assert p99 < 1, f"median {median:.3f} s, p99 {p99:.3f} s, worst {seconds[-1]:.3f} s"
        assert await ada.titles() == []

    async def test_leaves_the_next_login_alone(self, new_person: NewPerson) -> None:
        """Who logs out everywhere and in again can go on at once, while the former tokens die."""
        ada = await new_person()
        first = dict(ada.client.headers)["authorization"]

        assert (await ada.client.post("/auth/logout-all")).status_code == 204
        again = await log_in(ada)

        await until(lambda: is_answered(ada.client, 401, first))
        assert await is_answered(ada.client, 200, again)


async def log_in(person: Person) -> str:
    """Log in once more; return what to send as `Authorization`, which has been accepted."""
    login = await person.client.post("/auth/login", json={"email": person.email, "password": person.password})
    bearer = f"Bearer {login.json()['access_token']}"
    assert await is_answered(person.client, 200, bearer)
    return bearer


async def log_out(person: Person, bearer: str) -> float:
    """Log out; return how many seconds later the todo-service refused the token."""
    answer = await person.client.post("/auth/logout", headers={"Authorization": bearer})
    assert answer.status_code == 204
    answered_at = time.monotonic()
    await until(lambda: is_answered(person.client, 401, bearer))
    return time.monotonic() - answered_at


async def is_answered(client: httpx.AsyncClient, status: int, bearer: str) -> bool:
    return (await client.get("/todos", headers={"Authorization": bearer})).status_code == status
