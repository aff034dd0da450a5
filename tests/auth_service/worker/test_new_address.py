"""Another address for an account, from the asking to the next login, with the worker that mails."""

import re

from tests.auth_service.email_change.changing import ask, confirm
from tests.auth_service.running import Device, new_address
from tests.waiting import until

LINK = re.compile(r"http://localhost:3000/confirm-email#token=(ot1\.[A-Za-z0-9_-]{43})\s")
LIES = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=https",
    "X-Forwarded-Proto": "gopher",
}
START_SECONDS = 60


def sent(post_office):
    """Return to whom which letters went, in no order."""
    return set(zip(post_office.recipients, post_office.subjects(), strict=True))


class TestAnotherAddress:
    async def test_is_confirmed_by_the_link_of_the_mail(self, service, new_worker, post_office):
        """The new address gets the link, the former one hears of it before and after."""
        ada, new = await service.register(), new_address()
        old = ada.email
        new_worker()

        await ask(ada, new)
        await until(lambda: len(post_office.letters) == 2, START_SECONDS)
        asked = sent(post_office)
        (token,) = [token for letter in post_office.letters for token in LINK.findall(letter.get_content())]
        answer = await confirm(ada, token)
        await until(lambda: len(post_office.letters) == 3, START_SECONDS)

        assert answer.status_code == 204
        assert asked == {
            (new, "Confirm your new e-mail address"),
            (old, "A new e-mail address for your account"),
        }
        assert sent(post_office) - asked == {(old, "Your e-mail address was changed")}
        assert (await Device(service.client).login(new)).status_code == 200

    async def test_that_is_taken_gets_no_link(self, service, new_worker, post_office):
        """Its owner hears that somebody has tried; who has asked cannot tell."""
        ada, grace = await service.register(), await service.register()
        new_worker()

        answer = await ask(ada, grace.email)
        await until(lambda: len(post_office.letters) == 2, START_SECONDS)

        assert (answer.status_code, answer.json()) == (202, {})
        assert sent(post_office) == {
            (grace.email, "You already have an account"),
            (ada.email, "A new e-mail address for your account"),
        }
        assert not any(LINK.search(letter.get_content()) for letter in post_office.letters)

    async def test_leads_to_the_frontend_alone(self, service, new_worker, post_office):
        """Whatever the request says about hosts, the link is that of APP_URL."""
        ada, new = await service.register(), new_address()
        new_worker()

        body = {"new_email": new, "password": "correct horse battery staple"}
        answer = await service.client.post("/auth/email/change", json=body, headers=ada.bearer | LIES)
        await until(lambda: len(post_office.letters) == 2, START_SECONDS)

        assert answer.status_code == 202
        assert all("evil" not in letter.as_string() for letter in post_office.letters)
        assert any(LINK.search(letter.get_content()) for letter in post_office.letters)
