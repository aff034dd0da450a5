"""Signing up where addresses are verified first, from the registration to the session, with the worker that mails."""

import re

import pytest

from tests.auth_service.running import PASSWORD, Device, assert_problem, cookie_in
from tests.waiting import until

LINK = re.compile(r"http://localhost:3000/verify-email#token=(ot1\.[A-Za-z0-9_-]{43})\s")
LIES = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=https",
    "X-Forwarded-Proto": "gopher",
    "Referer": "http://evil.example/",
}
ADA = "Ada@example.com"


@pytest.fixture
async def service(new_service, url, redis_url):
    """The service with EMAIL_VERIFICATION=required."""
    return await new_service(url, redis_url=redis_url, email_verification="required")


@pytest.fixture
def caught(new_worker, mailbox, smtp_url):
    """`await caught(2)`: what a running worker has sent to the mail catcher, the oldest first, once it is two mails."""
    new_worker(SMTP_URL=smtp_url)

    async def caught(number):
        await until(lambda: len(mailbox.all()) >= number)
        return list(reversed(mailbox.all()))

    return caught


async def register(service, email=ADA, **headers):
    """Register this address."""
    body = {"email": email, "password": PASSWORD}
    answer = await service.client.post("/auth/register", json=body, headers=headers)
    assert (answer.status_code, answer.json()) == (202, {"status": "verification_sent"})
    return answer


def addressees(letter):
    """To whom a mail went."""
    return [address["Address"] for address in letter.addressees["To"]]


class TestSigningUp:
    async def test_ends_signed_in(self, service, caught):
        """Registered, mailed, followed: and then the browser is signed in, and the password opens the account."""
        answer = await register(service)
        (letter,) = await caught(1)
        (token,) = LINK.findall(letter.text)
        mark = {"Cookie": f"todo_signup={cookie_in(answer, 'todo_signup')}"}
        verified = await service.client.post("/auth/email/verify", json={"token": token}, headers=mark)

        assert (addressees(letter), letter.subject) == ([ADA], "Confirm your e-mail address")
        assert (verified.status_code, verified.json()["user"]["email_verified"]) == (200, True)
        assert (await Device(service.client).login(ADA)).status_code == 200

    async def test_with_an_address_that_has_an_account(self, service, caught, sql):
        """The client hears nothing of it; the owner does, at the address as it is stored, and gets no link."""
        answer = await register(service)
        (letter,) = await caught(1)
        body = {"token": LINK.findall(letter.text)[0], "password": PASSWORD}
        assert (await service.client.post("/auth/email/verify", json=body)).status_code == 200

        again = await register(service, ADA.lower())
        _, notice = await caught(2)

        assert (addressees(notice), notice.subject) == ([ADA], "You already have an account")
        assert "token" not in notice.text
        assert set(again.headers) == set(answer.headers)
        assert await sql.fetchval("SELECT count(*) FROM pending_registrations") == 0

    async def test_by_a_mail_that_was_sent_again(self, service, caught):
        """It has the same link, which works once."""
        await register(service)
        await caught(1)

        await service.client.post("/auth/email/resend", json={"email": ADA.upper()})
        tokens = [LINK.findall(letter.text)[0] for letter in await caught(2)]
        answers = [
            await service.client.post("/auth/email/verify", json={"token": token, "password": PASSWORD})
            for token in tokens
        ]

        assert tokens[0] == tokens[1]
        assert answers[0].status_code == 200
        assert_problem(answers[1], 400, "invalid_or_expired_token")

    async def test_leads_to_the_frontend_alone(self, service, caught):
        """Whatever the request says about hosts, the link is that of APP_URL."""
        for number, (name, lie) in enumerate(LIES.items()):
            await register(service, f"ada-{number}@example.com", **{name: lie})

        for letter in await caught(len(LIES)):
            assert LINK.search(letter.text)
            assert b"evil" not in letter.raw


class TestVerifyingLater:
    async def test_an_account_that_was_made_at_once(self, new_service, url, redis_url, caught):
        """Where nobody is verified first, no mail comes by itself; who asks for one is verified by it."""
        service = await new_service(url, redis_url=redis_url)
        ada = await service.register(email=ADA)

        await service.client.post("/auth/email/resend", json={"email": ADA})
        (letter,) = await caught(1)
        body = {"token": LINK.findall(letter.text)[0]}
        answer = await service.client.post("/auth/email/verify", json=body, headers=ada.bearer)

        assert answer.status_code == 204
        assert (await ada.me()).json()["email_verified"] is True
