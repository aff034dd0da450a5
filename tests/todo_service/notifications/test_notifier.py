"""What becomes of an event: done, skipped, dead, or tried again by plan."""

import asyncio
from datetime import timedelta

import pytest

from devstack.ports import free_ports
from shared.mail.smtp import Mailer, Sender, SmtpServer
from tests.post_office import PostOffice
from tests.todo_service.notifications.conftest import SENDER
from todo_service.notifications.service import Notifier

PLAN = [timedelta(seconds=5), timedelta(seconds=30), *(timedelta(minutes=m) for m in (2, 10, 60, 360))]


def entry(event_id, user_id="ada"):
    """What the relay announces."""
    return {"event_id": str(event_id), "user_id": user_id, "type": "todo.created"}


class TestMailing:
    async def test_one_mail_to_the_owner(self, notifier, creates, post_office, state):
        """A new todo is mailed to its owner, by its title, under the event's id."""
        event_id = await creates("Buy milk")

        await notifier.handle(entry(event_id))

        [mail] = post_office.letters
        assert (mail["To"], mail["Subject"]) == ("ada@example.com", "Todo created: Buy milk")
        assert mail["Message-ID"] == f"<{event_id}@example.com>"
        assert "Buy milk" in mail.get_content()
        assert await state() == ("done", 1, None)

    async def test_one_mail_for_many(self, notifier, creates, post_office, state):
        """New todos of one bulk are one mail: how many, the first twenty titles, and how many more."""
        await notifier.handle(entry(await creates(*(f"todo {number}" for number in range(25)))))

        [mail] = post_office.letters
        assert mail["Subject"] == "Todos created: 25"
        assert mail.get_content().splitlines()[2:] == [*(f"- todo {number}" for number in range(20)), "and 5 more"]
        assert await state() == ("done", 1, None)

    async def test_one_mail_for_a_few(self, notifier, creates, post_office):
        """All titles are there, and no more; a line break in one begins no line."""
        await notifier.handle(entry(await creates("a", "b\n- c")))

        [mail] = post_office.letters
        assert mail["Subject"] == "Todos created: 2"
        assert mail.get_content().splitlines()[2:] == ["- a", "- b - c"]

    async def test_an_entry_that_comes_twice(self, notifier, creates, post_office):
        """However often an event is announced, at once or later, it is mailed once."""
        event_id = await creates()

        await asyncio.gather(*(notifier.handle(entry(event_id)) for _ in range(5)))
        await notifier.handle(entry(event_id))

        assert len(post_office.letters) == 1

    async def test_a_title_writes_no_headers(self, notifier, creates, post_office):
        """CR and LF in a title are a space in the subject."""
        await notifier.handle(entry(await creates("a\r\nBcc: eve@example.com\r\n\r\nb")))

        assert post_office.subjects() == ["Todo created: a Bcc: eve@example.com b"]
        assert post_office.recipients == ["ada@example.com"]


class TestTryingAgain:
    async def test_a_4xx_then_success(self, notifier, creates, post_office, state, let_it_be_due):
        """A server that is busy gets the mail at the next try."""
        post_office.answers.append("451 later")
        event_id = await creates()
        await notifier.handle(entry(event_id))
        assert await state() == ("waiting", 1, "SMTPDataError 451")
        await let_it_be_due()

        await notifier.handle(entry(event_id))

        assert await state() == ("done", 2, None)
        assert len(post_office.letters) == 1

    async def test_the_plan(self, notifier, creates, post_office, state, let_it_be_due, sql):
        """5 s, 30 s, 2 min, 10 min, 1 h and 6 h, each give or take a fifth, then the event is dead."""
        post_office.answers.extend(["451 later"] * 7)
        event_id, pauses = await creates(), []
        for _ in PLAN:
            await notifier.handle(entry(event_id))
            pauses.append(await sql.fetchval("SELECT next_at - now() FROM outbox WHERE state = 'waiting'"))
            await let_it_be_due()
        await notifier.handle(entry(event_id))

        slack = timedelta(seconds=2)
        assert all(0.8 * want - slack <= got <= 1.2 * want for want, got in zip(PLAN, pauses, strict=True))
        assert await state() == ("dead", 7, "given up after 7 attempts: SMTPDataError 451")

    async def test_no_server_then_one(self, sessions, creates, state, let_it_be_due):
        """While SMTP is down the event waits in the database; when it is up the mail goes out."""
        office = PostOffice(*free_ports(1))
        notifier = Notifier(sessions, Mailer(SmtpServer.parse(office.url), Sender.parse(SENDER)), max_per_hour=0)
        event_id = await creates()
        await notifier.handle(entry(event_id))
        assert (await state())[0] == "waiting"
        await let_it_be_due()

        with office:
            await notifier.handle(entry(event_id))

        assert (await state())[0] == "done"
        assert len(office.letters) == 1


class TestGivingUp:
    async def test_a_5xx(self, notifier, creates, post_office, state):
        """What the server will never take is not tried again."""
        post_office.answers.append("550 no such user")

        await notifier.handle(entry(await creates()))

        assert await state() == ("dead", 1, "SMTPDataError 550")

    @pytest.mark.parametrize(
        "strange",
        [
            "UPDATE outbox SET type = 'todo.exploded'",
            "UPDATE outbox SET type = 'todos.created'",
            "UPDATE outbox SET payload = payload - 'title'",
        ],
    )
    async def test_an_event_that_nobody_knows(self, notifier, creates, post_office, state, sql, strange):
        """An event of another type, or without what its type has, is dead at once."""
        event_id = await creates()
        await sql.execute(strange)

        await notifier.handle(entry(event_id))

        assert (await state())[:2] == ("dead", 1)
        assert post_office.letters == []


class TestTheHourlyLimit:
    @pytest.fixture
    def limited(self, sessions, post_office):
        """A notifier that sends a user two mails an hour."""
        return Notifier(sessions, Mailer(SmtpServer.parse(post_office.url), Sender.parse(SENDER)), max_per_hour=2)

    async def test_holds_in_a_burst(self, limited, creates, post_office, sql):
        """Of ten events at once exactly two are mailed, the others are skipped."""
        events = [await creates(str(number)) for number in range(10)]

        await asyncio.gather(*(limited.handle(entry(event_id)) for event_id in events))

        assert len(post_office.letters) == 2
        states = await sql.fetch("SELECT state, count(*) FROM outbox GROUP BY state")
        assert dict(map(tuple, states)) == {"done": 2, "skipped": 8}

    async def test_is_each_users_own(self, limited, creates, post_office):
        """One user's mails take nothing from another's."""
        events = [(user, await creates(user_id=user)) for user in ("ada", "ada", "grace", "grace")]

        for user, event_id in events:
            await limited.handle(entry(event_id, user))

        assert len(post_office.letters) == 4

    async def test_ends_after_an_hour(self, limited, creates, post_office, sql):
        """Mails from more than an hour ago do not count."""
        for _ in range(2):
            await limited.handle(entry(await creates()))
        await sql.execute("UPDATE outbox SET done_at = now() - interval '61 minutes'")

        await limited.handle(entry(await creates()))

        assert len(post_office.letters) == 3
