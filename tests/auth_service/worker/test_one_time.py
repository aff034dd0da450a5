"""One-time tokens work once, for one use, until a newer one is asked for."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from auth_service.derivation import Purpose, derived_keys
from auth_service.one_time import OneTimeTokens, Use
from shared.ids import uuid7
from tests.auth_service.running import AUTH_SECRET, settings_for


@pytest.fixture
async def ada(service):
    """The id of somebody with an account."""
    return UUID((await service.register()).answer["user"]["id"])


class TestMinting:
    async def test_a_new_one_kills_the_old(self, one_time, ada):
        """Only the newest link of a kind works."""
        old = await one_time("mint", uuid7(), ada, Use.RESET_PASSWORD)
        new = await one_time("mint", uuid7(), ada, Use.RESET_PASSWORD)

        assert await one_time("consume", old, Use.RESET_PASSWORD) is None
        assert await one_time("consume", new, Use.RESET_PASSWORD)

    async def test_each_use_has_its_own(self, one_time, ada):
        """A link of one kind leaves those of another alone, and opens nothing of theirs."""
        reset = await one_time("mint", uuid7(), ada, Use.RESET_PASSWORD)
        change = await one_time("mint", uuid7(), ada, Use.CHANGE_EMAIL)

        assert await one_time("consume", change, Use.RESET_PASSWORD) is None
        assert await one_time("consume", reset, Use.RESET_PASSWORD)
        assert await one_time("consume", change, Use.CHANGE_EMAIL)

    async def test_one_that_was_used_is_not_made_again(self, one_time, ada):
        """A late try of its mail finds it spent."""
        event_id = uuid7()
        token = await one_time("mint", event_id, ada, Use.RESET_PASSWORD)
        await one_time("consume", token, Use.RESET_PASSWORD)

        assert await one_time("mint", event_id, ada, Use.RESET_PASSWORD) is None

    async def test_a_late_try_gives_it_its_whole_life(self, one_time, ada, sql):
        """SMTP may have been away for hours: the letter's link works for as long as it says."""
        event_id = uuid7()
        token = await one_time("mint", event_id, ada, Use.RESET_PASSWORD)
        await sql.execute("UPDATE one_time_tokens SET expires_at = now() - interval '5 hours'")

        assert await one_time("mint", event_id, ada, Use.RESET_PASSWORD) == token
        assert await one_time("consume", token, Use.RESET_PASSWORD)

    @pytest.mark.parametrize(
        ("use", "minutes"), [(Use.RESET_PASSWORD, 30), (Use.VERIFY_EMAIL, 24 * 60), (Use.CHANGE_EMAIL, 60)]
    )
    async def test_lifetimes(self, one_time, ada, sql, use, minutes):
        """Each use has its own, and after it the token opens nothing."""
        token = await one_time("mint", uuid7(), ada, use)
        left = await sql.fetchval("SELECT expires_at - now() FROM one_time_tokens")
        await sql.execute("UPDATE one_time_tokens SET expires_at = now()")

        assert timedelta(minutes=minutes) - left < timedelta(seconds=30)
        assert await one_time("consume", token, use) is None


class TestConsuming:
    async def test_fifty_at_once_get_it_once(self, one_time, ada):
        """Of parallel requests with one link, one wins."""
        token = await one_time("mint", uuid7(), ada, Use.RESET_PASSWORD)

        answers = await asyncio.gather(*(one_time("consume", token, Use.RESET_PASSWORD) for _ in range(50)))

        assert len([answer for answer in answers if answer]) == 1

    async def test_looking_uses_nothing_up(self, one_time, ada):
        """A second proof can be asked for first."""
        token = await one_time("mint", uuid7(), ada, Use.VERIFY_EMAIL)

        assert (await one_time("peek", token, Use.VERIFY_EMAIL)).user_id == ada
        assert await one_time("consume", token, Use.VERIFY_EMAIL)

    async def test_five_wrong_proofs_end_it(self, one_time, ada):
        """Guessing the password beside a link ends the link."""
        token = await one_time("mint", uuid7(), ada, Use.VERIFY_EMAIL)

        for _ in range(4):
            await one_time("count_failure", token, Use.VERIFY_EMAIL)
        assert await one_time("peek", token, Use.VERIFY_EMAIL)
        await one_time("count_failure", token, Use.VERIFY_EMAIL)

        assert await one_time("consume", token, Use.VERIFY_EMAIL) is None

    @pytest.mark.parametrize("wrong", ["", "ot1.", "ot1." + "A" * 43, "rt1." + "A" * 43, "ä" * 9000])
    async def test_what_was_never_made(self, one_time, ada, wrong):
        """Any other text opens nothing."""
        await one_time("mint", uuid7(), ada, Use.RESET_PASSWORD)

        assert await one_time("consume", wrong, Use.RESET_PASSWORD) is None

    async def test_what_was_killed(self, one_time, ada):
        """After an event that voids links, they open nothing."""
        token = await one_time("mint", uuid7(), ada, Use.RESET_PASSWORD)

        await one_time("kill", ada, Use.RESET_PASSWORD, Use.CHANGE_EMAIL)

        assert await one_time("consume", token, Use.RESET_PASSWORD) is None


class TestDeriving:
    def test_after_a_change_of_secrets(self, url):
        """A token that was stored under the former secret can be mailed once more."""
        old = OneTimeTokens(derived_keys(settings_for(url), Purpose.ONE_TIME))
        changed = settings_for(url, auth_secret="another secret of 32 bytes or more", auth_secret_previous=AUTH_SECRET)
        new, row_id = OneTimeTokens(derived_keys(changed, Purpose.ONE_TIME)), uuid7()
        token = old.text(Use.SIGN_UP, row_id)

        assert new.text(Use.SIGN_UP, row_id) != token
        assert new.again(Use.SIGN_UP, row_id, digest=old.digest(token)) == token
        assert new.again(Use.SIGN_UP, uuid7(), digest=old.digest(token)) is None
