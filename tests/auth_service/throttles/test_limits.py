"""What the limits mean to those who send requests."""

import asyncio

import pytest

from tests.auth_service.counting import count_hashes
from tests.auth_service.running import NO_REDIS, PASSWORD, Device, assert_problem, cookie_in, new_address
from tests.waiting import until

ARGON2 = {"memory_cost": 19_456, "time_cost": 2, "parallelism": 1}
WRONG = "a wrong password"


@pytest.fixture
async def strict(new_service, redis_url):
    """A service as in production: with the limits for client addresses as they are."""
    return await new_service(throttle_factor=1, redis_url=redis_url)


@pytest.fixture
def guess(client, redis_url):
    """`await guess(email, 8)`: let a stranger try so many wrong passwords; return the statuses."""

    async def guess(email, tries, password=WRONG):
        answers = [await Device(client).login(email, password=password) for _ in range(tries)]
        return [answer.status_code for answer in answers]

    return guess


async def login_on(device_cookie, client, email, password=PASSWORD):
    """Log in from the browser that has this cookie."""
    body = {"email": email, "password": password}
    return await client.post("/auth/login", json=body, headers={"Cookie": f"todo_device={device_cookie}"})


async def mark(client, email):
    """Log in, and return the cookie by which the browser is known from then on."""
    return cookie_in(await Device(client).login(email), "todo_device")


async def tried_at(service, email):
    """How many failures in a row are stored."""
    found = await service.sql(
        "SELECT failed_attempts FROM credentials JOIN users ON id = user_id WHERE email = :email", email=email
    )
    return found[0][0]


class TestGuessing:
    async def test_is_slowed_for_the_account(self, ada, client, guess):
        """After five wrong passwords even the right one has to wait: 429 with the seconds."""
        assert await guess(ada.email, 6) == [401] * 5 + [429]

        answer = await Device(client).login(ada.email)

        assert_problem(answer, 429, "rate_limited")
        assert answer.headers["retry-after"] in {"1", "2"}

    async def test_in_parallel_is_no_faster(self, ada, client, redis_url, hash_with):
        """Counted before it is verified: of fifty at once five are."""
        hasher = hash_with(**ARGON2)

        answers = await asyncio.gather(*(Device(client).login(ada.email, password=WRONG) for _ in range(50)))

        # Who waits for a connection too long hears that it is busy; that is no more tries either.
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) <= {401, 429, 503}
        assert statuses.count(401) <= hasher.calls <= 5
        assert statuses.count(429) > 0

    async def test_is_slowed_for_nobody_too(self, guess):
        """An address without an account gets the same answers."""
        assert await guess(new_address(), 7) == [401] * 5 + [429] * 2

    @pytest.mark.parametrize("spelling", [str.upper, str.title])
    async def test_another_spelling_is_the_same_account(self, ada, guess, spelling):
        """The case of the address starts no new count."""
        await guess(ada.email, 5)

        assert await guess(spelling(ada.email), 1) == [429]

    async def test_costs_no_database_connection(self, ada, guess, statements):
        """A flood that is refused reads nothing; its first refusal alone is written down."""
        await guess(ada.email, 5)
        statements.clear()

        await guess(ada.email, 20)

        assert [statement.split()[:3] for statement in statements] == [["INSERT", "INTO", "audit_events"]]

    async def test_is_forgotten_by_the_right_password(self, ada, guess):
        """Four slips and a success leave five tries again."""
        await guess(ada.email, 4)
        assert await guess(ada.email, 1, PASSWORD) == [200]

        assert await guess(ada.email, 6) == [401] * 5 + [429]

    async def test_is_not_forgotten_by_a_refresh(self, ada, guess):
        """Whoever is signed in already has proved nothing new."""
        await guess(ada.email, 5)
        await ada.refresh()

        assert await guess(ada.email, 1) == [429]

    async def test_bypasses_no_limit_by_the_factor(self, service, ada, guess):
        """THROTTLE_FACTOR is for client addresses; an account's tries stay five."""
        assert service.settings.throttle_factor == 100_000
        assert (await guess(ada.email, 9)).count(429) == 4


class TestTheOwnersDevice:
    async def test_is_let_in_while_a_stranger_guesses(self, ada, client, guess):
        """Guessing at somebody's password does not lock them out where they have logged in before."""
        known = await mark(client, ada.email)
        await guess(ada.email, 8)

        answer = await login_on(known, client, ada.email)

        assert answer.status_code == 200

    async def test_has_tries_of_its_own(self, ada, client, guess):
        """A thief of the device gets five too, and none of them from the others."""
        known = await mark(client, ada.email)

        statuses = [(await login_on(known, client, ada.email, WRONG)).status_code for _ in range(6)]

        assert statuses == [401] * 5 + [429]
        assert await guess(ada.email, 1) == [401]

    async def test_is_known_at_no_other_account(self, service, ada, client, guess):
        """Somebody's own cookie does not get them tries at another's password."""
        grace = await service.register()
        known = await mark(client, grace.email)
        await guess(ada.email, 5)

        assert (await login_on(known, client, ada.email, WRONG)).status_code == 429

    @pytest.mark.parametrize("forged", ["", "A" * 64, "x", "ä", "{}", "=" * 9, "A" * 4000])
    async def test_cannot_be_made_up(self, ada, client, guess, forged):
        """What is not a MAC of ours is no device."""
        await guess(ada.email, 5)
        headers = [(b"Cookie", f"todo_device={forged}".encode())]

        answer = await client.post("/auth/login", json={"email": ada.email, "password": PASSWORD}, headers=headers)

        assert answer.status_code == 429

    async def test_gets_a_cookie_that_no_script_reads(self, client, ada):
        """It lasts half a year, and shows neither account nor address."""
        answer = await Device(client).login(ada.email)

        value, *flags = answer.headers.get_list("set-cookie")[1].split("; ")
        assert value.startswith("todo_device=")
        assert flags == ["Max-Age=15552000", "Path=/", "HttpOnly", "SameSite=Strict"]
        assert ada.answer["user"]["id"] not in value

    async def test_gets_none_without_cookies(self, app_of_ada):
        """An app that keeps its tokens itself has no browser to be known by."""
        answer = await app_of_ada.login(app_of_ada.email)

        assert "set-cookie" not in answer.headers

    async def test_stays_known_when_the_secret_changes(self, new_service, redis_url, migrated_database):
        """AUTH_SECRET_PREVIOUS knows the cookies of before."""
        url, new = await migrated_database("auth"), "another secret of 32 bytes or more"
        first = await new_service(url)
        ada = await first.register()
        known = await mark(first.client, ada.email)
        second = await new_service(url, auth_secret=new, auth_secret_previous=first.settings.auth_secret)
        for _ in range(6):
            await Device(second.client).login(ada.email, password=WRONG)

        assert (await login_on(known, second.client, ada.email)).status_code == 200


class TestAHundredFailuresInARow:
    @pytest.fixture
    def besiege(self, service, guess):
        """`await besiege(email)`: let the hundredth wrong password in a row be tried."""

        async def besiege(email):
            await service.sql(
                "UPDATE credentials SET failed_attempts = 99 FROM users WHERE id = user_id AND email = :email",
                email=email,
            )
            assert await guess(email, 1) == [401]

        return besiege

    async def test_close_the_account_to_strangers(self, ada, client, besiege):
        """From then on the right password gets the same answer as a wrong one."""
        await besiege(ada.email)

        wrong, right = [await Device(client).login(ada.email, password=tried) for tried in (WRONG, PASSWORD)]

        assert assert_problem(wrong, 401, "invalid_credentials")["detail"] == right.json()["detail"]
        assert_problem(right, 401, "invalid_credentials")

    async def test_let_a_known_device_in(self, ada, client, besiege):
        """The owner goes on where they were, and that opens nothing to others."""
        known = await mark(client, ada.email)
        await besiege(ada.email)

        assert (await login_on(known, client, ada.email)).status_code == 200
        assert (await Device(client).login(ada.email)).status_code == 401

    async def test_are_mailed_once(self, service, ada, besiege, guess):
        """The owner hears of it at the hundredth, and not at every one after it."""
        await besiege(ada.email)
        await guess(ada.email, 3)

        user_id = ada.answer["user"]["id"]
        assert await service.sql(
            "SELECT stream, type FROM outbox WHERE user_id = :id AND type = 'guessing'", id=user_id
        ) == [("auth:mail", "guessing")]

    async def test_are_counted_in_a_row(self, service, ada, guess):
        """The right password from a new device begins anew, below a hundred."""
        await guess(ada.email, 3)
        assert await tried_at(service, ada.email) == 3

        await guess(ada.email, 1, PASSWORD)

        assert await tried_at(service, ada.email) == 0

    async def test_are_those_of_strangers(self, service, ada, client, guess):
        """What the owner mistypes does not count, and their success gives strangers no more tries."""
        known = await mark(client, ada.email)
        await guess(ada.email, 2)

        await login_on(known, client, ada.email, WRONG)
        assert await tried_at(service, ada.email) == 2
        await login_on(known, client, ada.email)

        assert await tried_at(service, ada.email) == 2


class TestOneClientAddress:
    async def test_gets_twenty_logins_a_minute(self, strict):
        """Stuffing two hundred stolen passwords from one address tries twenty."""
        hasher = count_hashes(strict, **ARGON2)

        answers = [await Device(strict.client).login(new_address()) for _ in range(200)]

        statuses = [answer.status_code for answer in answers]
        assert hasher.calls == statuses.count(401) == 20
        assert statuses[20:] == [429] * 180
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60

    async def test_gets_twenty_registrations_an_hour(self, strict):
        """And the twenty-first is written down, once."""
        answers = [
            await strict.client.post("/auth/register", json={"email": new_address(), "password": PASSWORD})
            for _ in range(23)
        ]

        assert [answer.status_code for answer in answers] == [201] * 20 + [429] * 3
        assert 3500 < int(answers[-1].headers["retry-after"]) <= 3600
        assert await strict.sql("SELECT detail FROM audit_events WHERE type = 'throttled'") == [
            ({"limit": "registrations"},)
        ]

    async def test_gets_sixty_refused_refreshes_a_minute(self, strict):
        """Refreshes that succeed are not counted."""
        ada = await strict.register()
        for _ in range(70):
            assert (await ada.refresh()).status_code == 200

        answers = [await ada.present("rt1." + "A" * 43) for _ in range(63)]

        assert [answer.status_code for answer in answers] == [401] * 60 + [429] * 3

    async def test_cannot_be_forged(self, strict):
        """X-Forwarded-For is believed from TRUSTED_PROXIES alone: two hundred values are one address."""
        body = {"email": new_address(), "password": WRONG}
        statuses = []
        for number in range(200):
            headers = {"X-Forwarded-For": f"10.0.0.{number}"}
            answer = await strict.client.post("/auth/register", json=body | {"password": "x"}, headers=headers)
            statuses.append(answer.status_code)

        assert statuses == [422] * 20 + [429] * 180

    async def test_is_the_one_that_the_gateway_names(self, new_service, redis_url):
        """Behind the gateway each client has its own tries, and of IPv6 each network of 64 bits."""
        service = await new_service(throttle_factor=1, redis_url=redis_url, trusted_proxies="127.0.0.1/32")

        async def tries(address, number):
            body, headers = {"email": "a@example.com", "password": "x"}, {"X-Forwarded-For": address}
            answers = [await service.client.post("/auth/register", json=body, headers=headers) for _ in range(number)]
            return [answer.status_code for answer in answers].count(422)

        assert await tries("192.0.2.1", 21) == 20
        assert await tries("192.0.2.2", 21) == 20
        assert await tries("2001:db8:0:1::1", 15) + await tries("2001:db8:0:1:ffff::2", 15) == 20
        assert await tries("2001:db8:0:2::1", 1) == 1
        # Several entries may have been written by anybody: then it is the proxy that asks.
        assert await tries("192.0.2.3, 192.0.2.4", 15) + await tries("192.0.2.5, 192.0.2.6", 15) == 20

    async def test_gets_more_by_the_factor(self, new_service, redis_url):
        """A developer's machine and a test need not wait."""
        service = await new_service(throttle_factor=2, redis_url=redis_url)

        statuses = [(await Device(service.client).login(new_address())).status_code for _ in range(41)]

        assert statuses == [401] * 40 + [429]


class TestWithoutRedis:
    async def test_everything_goes_on(self, new_service):
        """Each process counts on its own, the service stays ready, and says so."""
        service = await new_service(redis_url=NO_REDIS)
        ada = await service.register()

        statuses = [(await Device(service.client).login(ada.email, password=WRONG)).status_code for _ in range(4)]
        ready = await service.client.get("/readyz")

        assert statuses == [401] * 2 + [429] * 2
        assert (await ada.refresh()).status_code == 200
        assert ready.status_code == 200
        assert ready.json()["throttles"].startswith("Redis is away")

    async def test_nothing_is_said_with_it(self, strict):
        """Readiness mentions the limits only when there is something to know."""
        assert (await strict.client.get("/readyz")).json() == {"status": "ready"}

    async def test_half_as_many_come_from_one_address(self, new_service):
        """Ten logins a minute instead of twenty."""
        service = await new_service(redis_url=NO_REDIS, throttle_factor=1)

        statuses = [(await Device(service.client).login(new_address())).status_code for _ in range(12)]

        assert statuses == [401] * 10 + [429] * 2

    async def test_it_may_go_and_come_back(self, new_service, new_valkey):
        """While it is stopped nothing fails, and when it is back it counts again."""
        valkey = new_valkey()
        service = await new_service(redis_url=valkey.url)
        ada = await service.register()

        async def login():
            return (await Device(service.client).login(ada.email)).status_code

        assert await login() == 200
        valkey.pause()
        assert [await login() for _ in range(6)] == [200] * 6
        valkey.resume()
        await until(lambda: service.app.state.redis.is_up)
        assert await login() == 200
