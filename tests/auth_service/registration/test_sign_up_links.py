"""The link of a registration: what it is good for, and what it meets"""

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from auth_service.accounts.registration.repository import RegistrationRepository
from auth_service.one_time import Use
from shared.database import transaction
from tests.auth_service.registration.people import is_waiting
from tests.auth_service.running import PASSWORD, Device, assert_problem, new_address
from tests.waiting import until

WRONG = "a wrong password"
CHEAP = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}


class TestGuessingThePassword:
    async def test_ends_the_link_at_the_fifth_time(self, service, newcomers, newcomer):
        """Then neither the right password nor the browser that has registered opens it; and each is written down."""
        for _ in range(5):
            assert_problem(await newcomers.verify(newcomer.token, password=WRONG), 401, "invalid_credentials")

        for proof in ({"password": PASSWORD}, {"cookie": newcomer.cookie}, {}):
            assert_problem(await newcomers.verify(newcomer.token, **proof), 400, "invalid_or_expired_token")

    async def test_four_times_leaves_it(self, newcomers, newcomer):
        """A person may mistype."""
        for _ in range(4):
            await newcomers.verify(newcomer.token, password=WRONG)

        assert (await newcomers.verify(newcomer.token, password=PASSWORD)).status_code == 200

    async def test_is_written_down(self, service, newcomers, newcomer):
        """A refusal outlasts its answer."""
        agent = f"guesser of {newcomer.email}"

        await newcomers.verify(newcomer.token, password=WRONG, headers={"User-Agent": agent})

        assert await service.sql("SELECT type, user_id FROM audit_events WHERE user_agent = :agent", agent=agent) == [
            ("login_failed", None)
        ]

    async def test_counts_as_logins_do(self, client, newcomers, newcomer, redis_url):
        """Five passwords at once for an address, wherever they are tried; the cookie still opens the link."""
        for _ in range(3):
            await Device(client).login(newcomer.email, password=WRONG)

        statuses = [(await newcomers.verify(newcomer.token, password=WRONG)).status_code for _ in range(4)]

        assert statuses == [401, 401, 429, 429]
        assert (await newcomers.verify(newcomer.token, cookie=newcomer.cookie)).status_code == 200

    async def test_in_parallel_is_no_faster(self, newcomers, newcomer, hash_with, redis_url):
        """Of thirty at once five are verified, and then the link is dead."""
        hasher = hash_with(**CHEAP)

        answers = await asyncio.gather(*(newcomers.verify(newcomer.token, password=WRONG) for _ in range(30)))

        assert hasher.calls == 5
        assert {answer.status_code for answer in answers} <= {400, 401, 429}
        assert_problem(await newcomers.verify(newcomer.token, cookie=newcomer.cookie), 400, "invalid_or_expired_token")

    async def test_holds_no_connection_while_it_waits(self, service, newcomers, newcomer):
        """Whoever waits for a thread that hashes leaves the database to others."""
        hasher = service.app.state.hasher
        async with hasher.permit(), hasher.permit():
            verifying = asyncio.ensure_future(newcomers.verify(newcomer.token, password=PASSWORD))
            await until(lambda: hasher._waiting == 1)
            connections = service.app.state.database.engine.pool.checkedout()

        assert connections == 0
        assert (await verifying).status_code == 200


class TestTheLink:
    @pytest.mark.parametrize("end", ["attempts = 5", "expires_at = now()"])
    async def test_that_ends_while_it_is_followed_makes_no_account(self, service, newcomers, newcomer, end):
        """It is looked at again once it is its address's turn."""
        async with transaction(service.app.state.database.sessions) as session:
            await RegistrationRepository(session).wait_for_turn(newcomer.email)
            verifying = asyncio.ensure_future(newcomers.verify(newcomer.token, cookie=newcomer.cookie))
            await until(partial(is_waiting, service))
            await service.sql(f"UPDATE pending_registrations SET {end} WHERE id = :id", id=newcomer.registration_id)

        assert_problem(await verifying, 400, "invalid_or_expired_token")
        assert await service.sql("SELECT id FROM users WHERE email = :email", email=newcomer.email) == []

    async def test_works_once(self, newcomers, newcomer):
        """The second time it is as if it had never been."""
        await newcomers.verify(newcomer.token, cookie=newcomer.cookie)

        for proof in ({"cookie": newcomer.cookie}, {"password": PASSWORD}, {}):
            assert_problem(await newcomers.verify(newcomer.token, **proof), 400, "invalid_or_expired_token")

    @pytest.mark.parametrize("proof", ["cookie", "password"])
    async def test_of_fifty_at_once_works_for_one(self, service, newcomers, newcomer, hash_with, proof):
        """Followed fifty times in the same moment, it makes one account and opens one session."""
        hash_with(**CHEAP)
        # As many passwords as that are not tried at once: the others are told to wait. So is who waits too long.
        proofs = {"cookie": newcomer.cookie} if proof == "cookie" else {"password": PASSWORD}

        answers = await asyncio.gather(*(newcomers.verify(newcomer.token, **proofs) for _ in range(50)))

        statuses = [answer.status_code for answer in answers]
        assert statuses.count(200) == 1
        assert set(statuses) <= ({200, 400, 503} if proof == "cookie" else {200, 400, 429, 503})
        assert await service.sql(
            "SELECT count(DISTINCT users.id), count(*) FROM users JOIN sessions ON user_id = users.id"
            " WHERE email = :email",
            email=newcomer.email,
        ) == [(1, 1)]

    async def test_of_one_address_makes_one_account(self, service, newcomers, hash_with):
        """Three registrations of an address, followed in the same moment: one wins, and nobody waits for ever."""
        hash_with(**CHEAP)
        for _ in range(10):
            email = new_address()
            waiting = [await newcomers.sign_up(email, name=str(number)) for number in range(3)]

            answers = await asyncio.gather(*(newcomers.verify(one.token, cookie=one.cookie) for one in waiting))

            assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
            (winner,) = (number for number, answer in enumerate(answers) if answer.status_code == 200)
            assert await service.sql("SELECT name FROM users WHERE email = :email", email=email) == [(str(winner),)]

    async def test_expires_after_a_day(self, service, newcomers, newcomer):
        """A mailbox that is read later opens nothing."""
        lives = "SELECT expires_at - created_at FROM pending_registrations WHERE id = :id"
        expire = "UPDATE pending_registrations SET expires_at = clock_timestamp() WHERE id = :id"
        ((lifetime,),) = await service.sql(lives, id=newcomer.registration_id)
        await service.sql(expire, id=newcomer.registration_id)

        assert lifetime == timedelta(hours=24)
        answer = await newcomers.verify(newcomer.token, cookie=newcomer.cookie)
        assert_problem(answer, 400, "invalid_or_expired_token")

    async def test_loses_to_an_account_that_was_made_meanwhile(self, client, open_service, newcomers, newcomer):
        """Somebody has registered the address where nobody is verified: their account stays as it is."""
        await open_service.register(email=newcomer.email, password="of the other account")

        answer = await newcomers.verify(newcomer.token, cookie=newcomer.cookie)

        assert_problem(answer, 400, "invalid_or_expired_token")
        assert_problem(await Device(client).login(newcomer.email), 401, "invalid_credentials")

    async def test_is_exact(self, newcomers, newcomer):
        """Truncated, padded or in another case it is no link."""
        token = newcomer.token
        for other in (token[:-1], token + "=", token.swapcase(), f" {token}", token + "\r\n", token.encode().hex()):
            answer = await newcomers.verify(other, cookie=newcomer.cookie)
            assert_problem(answer, 400, "invalid_or_expired_token")

        assert (await newcomers.verify(token, cookie=newcomer.cookie)).status_code == 200

    @pytest.mark.parametrize("use", [use for use in Use if use is not Use.VERIFY_EMAIL])
    async def test_for_another_use_is_none(self, newcomers, link_for, ada, use):
        """A link that resets a password verifies nothing."""
        answer = await newcomers.verify(await link_for(ada, use), headers=ada.bearer)

        assert_problem(answer, 400, "invalid_or_expired_token")

    async def test_resets_no_password(self, client, newcomer):
        """Nor does a link that verifies an address open another door."""
        body = {"token": newcomer.token, "new_password": "quite another passphrase"}

        assert_problem(await client.post("/auth/password/reset", json=body), 400, "invalid_or_expired_token")

    async def test_is_not_followed_by_a_scanner(self, client, newcomers, newcomer):
        """GET and HEAD change nothing, however often a mail scanner looks."""
        for method in ("GET", "HEAD") * 10:
            answer = await client.request(method, "/auth/email/verify", params={"token": newcomer.token})
            assert answer.status_code == 405

        assert (await newcomers.verify(newcomer.token, cookie=newcomer.cookie)).status_code == 200

    async def test_is_tried_twenty_times_a_minute(self, new_service, redis_url):
        """Guessing at 256 bits is slowed as well."""
        service = await new_service(throttle_factor=1, redis_url=redis_url, email_verification="required")

        answers = [await service.client.post("/auth/email/verify", json={"token": "ot1.x"}) for _ in range(22)]

        assert [answer.status_code for answer in answers] == [400] * 20 + [429] * 2
