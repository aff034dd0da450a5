"""Every mail reaches the address that is stored, says what happened, and holds a link only where one is needed."""

import asyncio
import re
from datetime import timedelta

import pytest

from auth_service.one_time import Use
from auth_service.outbox import Mail
from tests.auth_service.running import new_address

LINK = re.compile(r"http://localhost:3000/([a-z-]+)#token=(ot1\.[A-Za-z0-9_-]{43})\s")
NOTICES = {
    Mail.EMAIL_CHANGE_ASKED: "A new e-mail address for your account",
    Mail.PASSWORD_CHANGED: "Your password was changed",
    Mail.REFRESH_REUSE: "We have logged out one of your devices",
    Mail.GUESSING: "Somebody is guessing your password",
    Mail.RESTORED: "Your account stays",
}


@pytest.fixture
async def ada(service):
    """Somebody with an account."""
    return await service.register()


def link_in(post_office):
    """Return page and token of the link in the newest letter; None without one."""
    found = LINK.search(post_office.letters[-1].get_content())
    return found.groups() if found else None


def sent(post_office):
    """Return to whom each letter went, and its subject."""
    return [(str(letter["To"]), str(letter["Subject"])) for letter in post_office.letters]


class TestNotices:
    @pytest.mark.parametrize("mail", NOTICES)
    async def test_go_to_the_stored_address(self, ada, asks, postman, post_office, mail):
        """A notice says what happened, and has no token in it."""
        await postman.handle(await asks(mail, ada.answer["user"]["id"]))

        assert sent(post_office) == [(ada.email, NOTICES[mail])]
        assert "token" not in post_office.letters[0].get_content()

    async def test_a_deletion_says_until_when(self, ada, asks, postman, post_office):
        """Whoever deletes their account hears how long they can come back."""
        told = {"email": ada.email, "purge_after": "2026-12-01T10:00:00+00:00"}
        await postman.handle(await asks(Mail.DELETION_ASKED, ada.answer["user"]["id"], **told))

        assert sent(post_office) == [(ada.email, "Your account will be deleted")]
        assert "01 December 2026" in post_office.letters[0].get_content()

    async def test_a_deletion_is_told_to_who_is_gone(self, ada, asks, postman, post_office, sql):
        """However late the mail goes out, it reaches whoever had the account."""
        told = {"email": ada.email, "purge_after": "2026-12-01T10:00:00+00:00"}
        entry = await asks(Mail.DELETION_ASKED, ada.answer["user"]["id"], **told)
        await sql.execute("DELETE FROM users")

        await postman.handle(entry)

        assert post_office.recipients == [ada.email]

    async def test_a_changed_address_hears_of_it(self, ada, asks, postman, post_office):
        """The former address is told, although it is stored nowhere any more."""
        entry = await asks(Mail.EMAIL_CHANGED, ada.answer["user"]["id"], old_email="old@example.com")

        await postman.handle(entry)

        assert sent(post_office) == [("old@example.com", "Your e-mail address was changed")]

    async def test_fill_no_mailbox(self, service, ada, asks, postman, post_office, ended, sql):
        """Of one kind five an hour, however often something is done; of another, and an hour later, again."""
        user_id = ada.answer["user"]["id"]
        entries = [await asks(Mail.PASSWORD_CHANGED, user_id) for _ in range(9)]

        for entry in reversed(entries):
            await postman.handle(entry)

        assert len(post_office.letters) == 5
        await postman.handle(await asks(Mail.PASSWORD_CHANGED, user_id))
        assert await ended() == ("skipped", "the user has been told so often enough within the hour")
        await postman.handle(await asks(Mail.RESTORED, user_id))
        await postman.handle(await asks(Mail.PASSWORD_CHANGED, (await service.register()).answer["user"]["id"]))
        assert len(post_office.letters) == 7
        await sql.execute("UPDATE outbox SET created_at = created_at - interval '1 hour'")
        await postman.handle(await asks(Mail.PASSWORD_CHANGED, user_id))
        assert len(post_office.letters) == 8

    async def test_nobody_is_written_to_twice(self, ada, asks, postman, post_office):
        """However often an entry comes, its mail goes out once."""
        entry = await asks(Mail.PASSWORD_CHANGED, ada.answer["user"]["id"])

        await asyncio.gather(*(postman.handle(entry) for _ in range(5)))

        assert len(post_office.letters) == 1


class TestSigningUp:
    async def test_an_unknown_address_gets_the_link(self, asks, registers, postman, post_office, tokens, sql):
        """The token in the letter is that of the registration."""
        email = new_address()
        registration_id = await registers(email)

        await postman.handle(await asks(Mail.SIGN_UP, registration_id=registration_id, email=email))

        page, token = link_in(post_office)
        assert (page, sent(post_office)) == ("verify-email", [(email, "Confirm your e-mail address")])
        assert await sql.fetchval("SELECT token_hash FROM pending_registrations") == tokens.digest(token)

    async def test_the_link_gets_its_whole_life(self, asks, registers, postman, sql):
        """The letter says 24 hours, however late it is written."""
        email = new_address()
        registration_id = await registers(email)
        for mail, payload in ((Mail.SIGN_UP, {"registration_id": registration_id}), (Mail.VERIFY_EMAIL, {})):
            await sql.execute("UPDATE pending_registrations SET expires_at = now() + interval '1 minute'")

            await postman.handle(await asks(mail, email=email, **payload))

            left = await sql.fetchval("SELECT expires_at - now() FROM pending_registrations")
            assert timedelta(hours=23) < left <= timedelta(hours=24)

    @pytest.mark.parametrize("end", ["expires_at = now()", "attempts = 5"])
    async def test_one_that_has_ended_gets_none(self, asks, registers, postman, post_office, ended, sql, end):
        """Neither when it has expired nor when somebody has guessed at its password."""
        email = new_address()
        registration_id = await registers(email)
        await sql.execute(f"UPDATE pending_registrations SET {end}")

        for mail, payload in ((Mail.SIGN_UP, {"registration_id": registration_id}), (Mail.VERIFY_EMAIL, {})):
            await postman.handle(await asks(mail, email=email, **payload))
            assert await ended() == ("skipped", "there is nobody to write to")
        assert post_office.letters == []

    async def test_a_known_address_gets_another_letter(self, ada, asks, registers, postman, post_office, sql):
        """It hears that it has an account, and the registration is gone."""
        registration_id = await registers(ada.email)

        await postman.handle(await asks(Mail.SIGN_UP, registration_id=registration_id, email=ada.email))

        assert sent(post_office) == [(ada.email, "You already have an account")]
        assert link_in(post_office) is None
        assert await sql.fetchval("SELECT count(*) FROM pending_registrations") == 0

    async def test_also_at_the_second_try(self, ada, asks, registers, postman, post_office, sql):
        """The registration is gone then; the letter is still to be written."""
        post_office.answers.append("451 later")
        entry = await asks(Mail.SIGN_UP, registration_id=await registers(ada.email), email=ada.email)
        await postman.handle(entry)
        await sql.execute("UPDATE outbox SET next_at = now()")

        await postman.handle(entry)

        assert sent(post_office) == [(ada.email, "You already have an account")]


class TestResending:
    async def test_to_somebody_who_has_not_verified(self, ada, asks, postman, post_office, one_time):
        """The link verifies their address."""
        await postman.handle(await asks(Mail.VERIFY_EMAIL, email=ada.email.upper()))

        page, token = link_in(post_office)
        assert (page, post_office.recipients) == ("verify-email", [ada.email])
        redeemed = await one_time("consume", token, Use.VERIFY_EMAIL)
        assert str(redeemed.user_id) == ada.answer["user"]["id"]

    async def test_to_somebody_who_is_signing_up(self, asks, registers, postman, post_office, tokens, sql):
        """They get their link once more."""
        email = new_address()
        await registers(email)

        await postman.handle(await asks(Mail.VERIFY_EMAIL, email=email))

        _, token = link_in(post_office)
        assert await sql.fetchval("SELECT token_hash FROM pending_registrations") == tokens.digest(token)

    async def test_nobody_else_is_written_to(self, ada, asks, postman, post_office, ended, sql):
        """Not who has verified, and not an address that nobody has."""
        await sql.execute("UPDATE users SET email_verified_at = now()")

        for email in (ada.email, new_address()):
            await postman.handle(await asks(Mail.VERIFY_EMAIL, email=email))
            assert await ended() == ("skipped", "there is nobody to write to")
        assert post_office.letters == []


class TestForgottenPasswords:
    async def test_the_link_resets(self, ada, asks, postman, post_office, one_time):
        """The token in the letter names the user, once."""
        await postman.handle(await asks(Mail.RESET_PASSWORD, email=ada.email))

        page, token = link_in(post_office)
        assert (page, post_office.recipients) == ("reset-password", [ada.email])
        assert str((await one_time("consume", token, Use.RESET_PASSWORD)).user_id) == ada.answer["user"]["id"]
        assert await one_time("consume", token, Use.RESET_PASSWORD) is None

    async def test_an_account_that_is_closed_gets_none(self, ada, asks, postman, post_office, ended, sql):
        """A reset would not open it."""
        await sql.execute("UPDATE users SET status = 'disabled'")

        await postman.handle(await asks(Mail.RESET_PASSWORD, email=ada.email))

        assert await ended() == ("skipped", "there is nobody to write to")
        assert post_office.letters == []

    async def test_a_repeated_try_sends_the_same_link(self, ada, asks, postman, post_office, sql):
        """A mail that went out and was not noted goes out again as it was."""
        entry = await asks(Mail.RESET_PASSWORD, email=ada.email)
        await postman.handle(entry)
        await sql.execute("UPDATE outbox SET state = 'working', next_at = now()")

        await postman.handle(entry)

        first, second = (LINK.search(letter.get_content())[2] for letter in post_office.letters)
        assert first == second

    async def test_an_event_older_than_the_link_is_dropped(self, ada, asks, postman, post_office, ended):
        """Of two that were asked for, the later one counts, whichever is sent first."""
        earlier = await asks(Mail.RESET_PASSWORD, email=ada.email)
        await postman.handle(await asks(Mail.RESET_PASSWORD, email=ada.email))

        await postman.handle(earlier)

        assert len(post_office.letters) == 1

    async def test_nothing_readable_is_stored(self, ada, asks, postman, post_office, sql):
        """Neither the outbox nor the tokens' table holds what is in the link."""
        await postman.handle(await asks(Mail.RESET_PASSWORD, email=ada.email))

        _, token = link_in(post_office)
        outbox = await sql.fetchval("SELECT string_agg(outbox::text, '') FROM outbox")
        stored = await sql.fetchval("SELECT string_agg(one_time_tokens::text, '') FROM one_time_tokens")
        assert token not in outbox + stored
        assert token.removeprefix("ot1.") not in outbox + stored


class TestChangingTheAddress:
    async def test_the_link_goes_to_the_new_one(self, ada, asks, postman, post_office, one_time):
        """The token knows which address was meant."""
        new = new_address()
        await postman.handle(await asks(Mail.CHANGE_EMAIL, ada.answer["user"]["id"], new_email=new))

        page, token = link_in(post_office)
        assert (page, post_office.recipients) == ("confirm-email", [new])
        assert (await one_time("consume", token, Use.CHANGE_EMAIL)).payload == {"new_email": new}

    async def test_one_that_has_an_account_gets_no_link(self, ada, service, asks, postman, post_office):
        """Its owner hears that they have one."""
        grace = await service.register()

        await postman.handle(await asks(Mail.CHANGE_EMAIL, ada.answer["user"]["id"], new_email=grace.email))

        assert sent(post_office) == [(grace.email, "You already have an account")]


class TestStrangeEvents:
    @pytest.mark.parametrize("strange", ["type = 'exploded'", "payload = '{}'", "payload = '{\"email\": 7}'"])
    async def test_are_given_up(self, ada, asks, postman, post_office, ended, sql, strange):
        """An event of another type, or without what its type has, is dead at once."""
        entry = await asks(Mail.RESET_PASSWORD, email=ada.email)
        await sql.execute(f"UPDATE outbox SET {strange}")

        await postman.handle(entry)

        assert (await ended())[0] == "dead"
        assert post_office.letters == []
