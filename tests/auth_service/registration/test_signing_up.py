"""POST /auth/email/verify by somebody who has registered"""

import asyncio
from functools import partial

import pytest

from auth_service.accounts.registration.schemas import Registration
from auth_service.accounts.registration.service import Registrar
from auth_service.one_time import Use
from shared.database import transaction
from tests.auth_service.registration.people import is_waiting
from tests.auth_service.running import PASSWORD, Device, assert_problem, cookie_in, new_address
from tests.waiting import until


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

    async def test_forgets_one_that_is_stored_at_this_moment(self, service, newcomers, newcomer):
        """It waits for a registration of the address that is under way, so that none is left over."""
        state = service.app.state
        async with transaction(state.database.sessions) as session:
            registrar = Registrar(session, state.hasher, state.one_time_tokens, verifies_first=True)
            await registrar.wait_for_link(Registration(email=newcomer.email, password=PASSWORD), None)
            verifying = asyncio.ensure_future(newcomers.verify(newcomer.token, cookie=newcomer.cookie))
            await until(partial(is_waiting, service))

        assert (await verifying).status_code == 200
        assert await newcomers.waiting(newcomer.email) == 0

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
