"""POST /auth/email/change/confirm"""

import asyncio

import pytest

from auth_service.one_time import Use
from tests.auth_service.email_change.changing import confirm
from tests.auth_service.meeting import ENDS_ALL_SESSIONS, meets
from tests.auth_service.passwords.following import reset
from tests.auth_service.running import PASSWORD, Device, assert_problem, new_address


@pytest.fixture
def change_link(link_for):
    """`await change_link(device, new_email)`: the token of the link that this address gets."""

    async def change_link(device, new_email):
        return await link_for(device, Use.CHANGE_EMAIL, new_email=new_email)

    return change_link


class TestConfirmingAnotherAddress:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401 and says how to authenticate."""
        answer = await client.post("/auth/email/change/confirm", json={"token": "ot1.x"})

        assert_problem(answer, 401, "missing_token")

    async def test_gives_the_account_the_address(self, ada, client, change_link):
        """It opens the account from now on, and is verified; the former one is nobody's."""
        old, new = ada.email, new_address()

        answer = await confirm(ada, await change_link(ada, new))

        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["cache-control"] == "no-store"
        me = (await ada.me()).json()
        assert (me["email"], me["email_verified"]) == (new, True)
        assert_problem(await Device(client).login(old), 401, "invalid_credentials")
        assert (await Device(client).login(new.upper())).status_code == 200

    async def test_leaves_the_sessions_open(self, ada, change_link):
        """Their next tokens name the new address."""
        new = new_address()
        await confirm(ada, await change_link(ada, new))

        assert (await ada.refresh()).status_code == 200
        assert (ada.claims["email"], ada.claims["email_verified"]) == (new, True)
        assert ada.email == new

    async def test_is_told_to_the_former_address(self, service, ada, change_link, told):
        """Whoever reads only that one hears what has happened, and it is written down."""
        old = ada.email

        await confirm(ada, await change_link(ada, new_address()))

        assert await told(ada) == (["email_changed"], ["email_changed", "registered"])
        assert await service.sql(
            "SELECT payload - 'context' FROM outbox WHERE type = 'email_changed' AND user_id = :id",
            id=ada.answer["user"]["id"],
        ) == [({"old_email": old},)]

    @pytest.mark.parametrize("use", [Use.RESET_PASSWORD, Use.VERIFY_EMAIL])
    async def test_voids_links_to_the_former_address(self, service, ada, link_for, change_link, use):
        """Whoever reads its mail gets nowhere with them."""
        token = await link_for(ada, use)

        await confirm(ada, await change_link(ada, new_address()))

        if use is Use.RESET_PASSWORD:
            assert_problem(await reset(ada.client, token), 400, "invalid_or_expired_token")
        assert await service.sql(
            "SELECT count(*) FROM one_time_tokens WHERE user_id = :id AND consumed_at IS NULL",
            id=ada.answer["user"]["id"],
        ) == [(0,)]

    async def test_may_be_another_spelling(self, ada, change_link):
        """One's own address in other letters is not taken."""
        new = ada.email.title()

        assert (await confirm(ada, await change_link(ada, new))).status_code == 204
        assert (await ada.me()).json()["email"] == new

    async def test_sets_the_former_address_free(self, ada, client, change_link):
        """Somebody else may register with it."""
        old = ada.email
        await confirm(ada, await change_link(ada, new_address()))

        answer = await Device(client).post("/auth/register", {"email": old, "password": PASSWORD})

        assert answer.status_code == 201

    async def test_needs_a_session_that_goes_on(self, service, ada, change_link, told):
        """Whose sessions end while the account is waited for changes nothing any more."""
        token = await change_link(ada, new_address())

        answer = await meets(service, ada, ENDS_ALL_SESSIONS, confirm(ada, token))

        assert_problem(answer, 401, "invalid_token")
        assert await told(ada) == ([], ["registered"])


class TestALinkToAnotherAddress:
    async def test_works_once(self, ada, change_link):
        """The second time it is as if it had never been."""
        token = await change_link(ada, new_address())

        assert (await confirm(ada, token)).status_code == 204
        assert_problem(await confirm(ada, token), 400, "invalid_or_expired_token")

    async def test_of_fifty_at_once_works_for_one(self, ada, change_link, told):
        """Used fifty times in the same moment, it changes the address once, and one letter says so."""
        token = await change_link(ada, new_address())

        answers = await asyncio.gather(*(confirm(ada, token) for _ in range(50)))

        # Who waits for the account too long hears that it is busy; nobody hears that it was done twice.
        statuses = sorted(answer.status_code for answer in answers)
        assert (statuses[0], statuses.count(204)) == (204, 1)
        assert set(statuses[1:]) <= {400, 503}
        assert await told(ada) == (["email_changed"], ["email_changed", "registered"])

    async def test_is_for_the_account_that_asked(self, service, ada, change_link):
        """Somebody else who gets hold of it cannot have the address, and does not spoil it for its owner."""
        new, eve = new_address(), await service.register()
        token, before = await change_link(ada, new), (await eve.me()).json()

        assert_problem(await confirm(eve, token), 400, "invalid_or_expired_token")

        assert (await eve.me()).json() == before
        assert (await confirm(ada, token)).status_code == 204
        assert (await ada.me()).json()["email"] == new

    async def test_voids_the_one_before(self, ada, change_link):
        """Of two addresses the one asked for later counts."""
        first, second = new_address(), new_address()
        old_token, token = await change_link(ada, first), await change_link(ada, second)

        assert_problem(await confirm(ada, old_token), 400, "invalid_or_expired_token")
        assert (await confirm(ada, token)).status_code == 204
        assert (await ada.me()).json()["email"] == second

    @pytest.mark.parametrize("use", [use for use in Use if use is not Use.CHANGE_EMAIL])
    async def test_for_another_use_is_none(self, ada, link_for, use):
        """A link that resets a password changes no address."""
        assert_problem(await confirm(ada, await link_for(ada, use)), 400, "invalid_or_expired_token")

    @pytest.mark.parametrize("token", ["", "ot1.", "ot1." + "A" * 43, "ä", "x" * 512, "ot1.' OR 1=1 --"])
    async def test_cannot_be_guessed(self, ada, token):
        """Whatever is no link of ours gets one answer."""
        assert_problem(await confirm(ada, token), 400, "invalid_or_expired_token")

    async def test_is_exact(self, ada, change_link):
        """Truncated, padded or in another case it is no link."""
        token = await change_link(ada, new_address())

        for other in (token[:-1], token + "=", token.swapcase(), f" {token}", token + "\n"):
            assert_problem(await confirm(ada, other), 400, "invalid_or_expired_token")
        assert (await confirm(ada, token)).status_code == 204

    async def test_expires_after_an_hour(self, service, ada, change_link):
        """Whoever reads the mail later has to ask again."""
        token = await change_link(ada, new_address())
        await service.sql(
            "UPDATE one_time_tokens SET expires_at = expires_at - interval '1 hour' WHERE user_id = :id",
            id=ada.answer["user"]["id"],
        )

        assert_problem(await confirm(ada, token), 400, "invalid_or_expired_token")

    async def test_is_not_followed_by_a_scanner(self, ada, change_link):
        """GET and HEAD change nothing, however often a mail scanner looks."""
        token = await change_link(ada, new_address())
        for method in ("GET", "HEAD") * 10:
            path = "/auth/email/change/confirm"
            answer = await ada.client.request(method, path, params={"token": token}, headers=ada.bearer)
            assert answer.status_code == 405

        assert (await confirm(ada, token)).status_code == 204

    async def test_is_tried_twenty_times_a_minute(self, new_service, redis_url):
        """Guessing at 256 bits is slowed as well."""
        service = await new_service(throttle_factor=1, redis_url=redis_url)
        ada = await service.register()

        statuses = [(await confirm(ada, "ot1.x")).status_code for _ in range(22)]

        assert statuses == [400] * 20 + [429] * 2

    async def test_dies_with_a_reset(self, ada, link_for, change_link):
        """A thief who has asked for another address loses it when the owner resets the password."""
        await reset(ada.client, await link_for(ada))
        again = Device(ada.client)
        await again.login(ada.email, password="quite another passphrase")
        token = await change_link(again, new_address())

        await reset(ada.client, await link_for(again), "a third passphrase")
        await again.login(again.email, password="a third passphrase")

        assert_problem(await confirm(again, token), 400, "invalid_or_expired_token")

    @pytest.mark.parametrize(
        ("more", "field"), [({"token": None}, "token"), ({"token": "x" * 513}, "token"), ({"email": "a@b.c"}, "email")]
    )
    async def test_comes_alone(self, ada, change_link, more, field):
        """Fields are checked as everywhere, and the link is as it was."""
        token = await change_link(ada, new_address())

        errors = assert_problem(await confirm(ada, **({"token": token} | more)), 422, "validation_error")["errors"]

        assert [entry["loc"][-1] for entry in errors] == [field]
        assert (await confirm(ada, token)).status_code == 204


class TestAnAddressThatIsTakenMeanwhile:
    async def test_stays_where_it_is(self, service, ada, change_link):
        """The answer says so to whoever has shown that they read it, and nothing has changed."""
        new = new_address()
        token, before = await change_link(ada, new), (await ada.me()).json()
        grace = await service.register(email=new.upper())

        assert_problem(await confirm(ada, token), 409, "email_taken")

        assert (await ada.me()).json() == before
        assert (await grace.me()).json()["email"] == grace.email

    async def test_can_be_had_when_it_is_free_again(self, service, ada, change_link):
        """A refusal does not use the link up."""
        new = new_address()
        token = await change_link(ada, new)
        grace = await service.register(email=new)
        await confirm(ada, token)
        await confirm(grace, await change_link(grace, new_address()))

        assert (await confirm(ada, token)).status_code == 204

    async def test_goes_to_one_of_two_at_once(self, service, ada, change_link):
        """Two accounts that have shown that they read it, in the same moment."""
        new, grace = new_address(), await service.register()
        links = [(device, await change_link(device, new)) for device in (ada, grace)]

        answers = await asyncio.gather(*(confirm(device, token) for device, token in links))

        assert sorted(answer.status_code for answer in answers) == [204, 409]
        assert [(await device.me()).json()["email"] for device in (ada, grace)].count(new) == 1

    async def test_goes_to_one_account_or_to_a_new_one(self, ada, client, change_link):
        """Somebody registers with it in the same moment."""
        new = new_address()
        token, newcomer = await change_link(ada, new), Device(client)

        confirmed, registered = await asyncio.gather(
            confirm(ada, token), newcomer.post("/auth/register", {"email": new, "password": PASSWORD})
        )

        assert {(204, 409), (409, 201)} >= {(confirmed.status_code, registered.status_code)}
        assert ((await ada.me()).json()["email"] == new) is (confirmed.status_code == 204)
