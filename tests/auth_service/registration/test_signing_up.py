"""POST /auth/email/verify by somebody who has registered"""

import asyncio
from datetime import timedelta

import pytest

from auth_service.one_time import Use
from tests.auth_service.running import PASSWORD, Device, assert_problem, cookie_in, new_address
from tests.waiting import until

WRONG = "a wrong password"
CHEAP = {"memory_cost": 8, "time_cost": 1, "parallelism": 1}


@pytest.fixture
async def newcomer(newcomers):
    """Somebody who has registered and not followed the link yet."""
    return await newcomers.sign_up(name="Ada")


class TestFollowingTheLink:
    async def test_makes_the_account(self, client, newcomers, newcomer):
        """In the browser that has registered it is a login: the account is verified, and its owner signed in."""
        answer = await newcomers.verify(newcomer.token, cookie=newcomer.cookie)

        body = answer.json()
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        assert (body["user"]["email"], body["user"]["name"]) == (newcomer.email, "Ada")
        assert body["user"]["email_verified"] is True
        assert cookie_in(answer).startswith("rt1.")
        ada = Device(client)
        ada.keep(answer)
        assert ada.claims["email_verified"] is True
        assert await ada.is_signed_in()
        assert (await Device(client).login(newcomer.email)).status_code == 200

    async def test_elsewhere_takes_the_password(self, newcomers, newcomer):
        """On another device the password that was chosen is the proof."""
        answer = await newcomers.verify(newcomer.token, password=PASSWORD)

        assert answer.status_code == 200
        assert answer.json()["user"]["email_verified"] is True

    async def test_gives_apps_the_token_itself(self, newcomers, newcomer):
        """With `X-Token-Delivery: body` the session is an app's."""
        answer = await newcomers.verify(newcomer.token, password=PASSWORD, headers={"X-Token-Delivery": "body"})

        assert answer.json()["refresh_token"].startswith("rt1.")
        assert "set-cookie" not in answer.headers

    async def test_is_written_down(self, service, newcomers, newcomer):
        """The audit log has the session that it has opened."""
        answer = await newcomers.verify(newcomer.token, cookie=newcomer.cookie)

        body = answer.json()
        assert await service.sql(
            "SELECT type, outcome, session_id::text FROM audit_events WHERE user_id = :id", id=body["user"]["id"]
        ) == [("verified", "success", body["session_id"])]

    async def test_works_where_nobody_is_verified_any_more(self, open_service, newcomers, newcomer):
        """A link that was mailed before the setting was changed is still good."""
        newcomers.service = open_service

        assert (await newcomers.verify(newcomer.token, cookie=newcomer.cookie)).status_code == 200

    async def test_forgets_every_other_registration(self, newcomers, newcomer):
        """Whoever else has chosen a password for this address has done so in vain."""
        other = await newcomers.sign_up(newcomer.email.upper(), password="what somebody else chose")

        await newcomers.verify(newcomer.token, cookie=newcomer.cookie)

        assert await newcomers.waiting(newcomer.email) == 0
        answer = await newcomers.verify(other.token, cookie=other.cookie)
        assert_problem(answer, 400, "invalid_or_expired_token")

    async def test_is_refused_to_pages_of_other_sites(self, newcomers, newcomer):
        """No foreign page can sign a browser in."""
        evil = {"Origin": "http://evil.example"}

        answer = await newcomers.verify(newcomer.token, cookie=newcomer.cookie, headers=evil)

        assert_problem(answer, 403, "csrf")
        assert (await newcomers.verify(newcomer.token, cookie=newcomer.cookie)).status_code == 200


class TestWithoutAProof:
    async def test_the_link_stays_as_it_is(self, newcomers, newcomer):
        """Reading the mail is not enough: the answer asks for the password, and the link works then."""
        for _ in range(7):
            assert_problem(await newcomers.verify(newcomer.token), 401, "proof_required")

        assert (await newcomers.verify(newcomer.token, password=PASSWORD)).status_code == 200

    async def test_the_mark_of_another_registration_is_none(self, newcomers, newcomer):
        """Neither another browser's, nor one's own for somebody else's registration of the same address."""
        mine = await newcomers.sign_up(newcomer.email, password="what I chose myself")

        for cookie in (mine.cookie, (await newcomers.sign_up()).cookie, "", "A" * 43, "ä"):
            headers = {"Cookie": f"todo_signup={cookie}".encode("latin-1")}
            answer = await newcomers.verify(newcomer.token, headers=headers)
            assert_problem(answer, 401, "proof_required")

    async def test_an_access_token_is_none(self, newcomers, newcomer, ada):
        """Being signed in to another account says nothing about this one."""
        assert_problem(await newcomers.verify(newcomer.token, headers=ada.bearer), 401, "proof_required")

    @pytest.mark.parametrize("delivery", ["body", "cookie"])
    async def test_an_app_has_no_mark(self, service, newcomers, delivery):
        """A registration without a cookie is proven by its password alone, also to a browser that brings one."""
        email = new_address()
        await service.client.post(
            "/auth/register", json={"email": email, "password": PASSWORD}, headers={"X-Token-Delivery": "body"}
        )
        ((row_id,),) = await service.sql("SELECT id FROM pending_registrations WHERE email = :email", email=email)
        token = service.app.state.one_time_tokens.text(Use.SIGN_UP, row_id)

        assert_problem(
            await newcomers.verify(token, cookie="x", headers={"X-Token-Delivery": delivery}), 401, "proof_required"
        )
        assert (await newcomers.verify(token, password=PASSWORD)).status_code == 200


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
    async def test_works_once(self, newcomers, newcomer):
        """The second time it is as if it had never been."""
        await newcomers.verify(newcomer.token, cookie=newcomer.cookie)

        for proof in ({"cookie": newcomer.cookie}, {"password": PASSWORD}, {}):
            assert_problem(await newcomers.verify(newcomer.token, **proof), 400, "invalid_or_expired_token")

    @pytest.mark.parametrize("proof", ["cookie", "password"])
    async def test_of_fifty_at_once_works_for_one(self, service, newcomers, newcomer, hash_with, proof):
        """Followed fifty times in the same moment, it makes one account and opens one session."""
        hash_with(**CHEAP)
        # As many passwords as that are not tried at once: the others are told to wait.
        proofs = {"cookie": newcomer.cookie} if proof == "cookie" else {"password": PASSWORD}

        answers = await asyncio.gather(*(newcomers.verify(newcomer.token, **proofs) for _ in range(50)))

        statuses = [answer.status_code for answer in answers]
        assert statuses.count(200) == 1
        assert set(statuses) <= ({200, 400} if proof == "cookie" else {200, 400, 429})
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


class TestAnAddressThatSomebodyElseRegisters:
    async def test_never_opens_by_their_password(self, client, newcomers):
        """An attacker registers a victim's address, and the victim follows the link: that password never works."""
        chosen = "what the attacker chose"
        trap = await newcomers.sign_up(password=chosen)

        assert_problem(await newcomers.verify(trap.token), 401, "proof_required")
        assert_problem(await newcomers.verify(trap.token, password="a guess of the victim"), 401, "invalid_credentials")
        assert_problem(await Device(client).login(trap.email, password=chosen), 401, "invalid_credentials")

        own = await newcomers.sign_up(trap.email)
        assert_problem(await newcomers.verify(trap.token, cookie=own.cookie), 401, "proof_required")
        assert (await newcomers.verify(own.token, cookie=own.cookie)).status_code == 200
        assert_problem(await Device(client).login(trap.email, password=chosen), 401, "invalid_credentials")
        assert_problem(await newcomers.verify(trap.token, cookie=trap.cookie), 400, "invalid_or_expired_token")
        assert (await Device(client).login(trap.email)).status_code == 200

    async def test_is_not_theirs_to_verify(self, newcomers):
        """Without the mail they have no link, and neither cookie nor password makes one."""
        trap = await newcomers.sign_up()

        for guess in ("", "ot1.", f"ot1.{'A' * 43}", trap.registration_id, trap.cookie):
            answer = await newcomers.verify(guess, cookie=trap.cookie, password=PASSWORD)
            assert_problem(answer, 400, "invalid_or_expired_token")
