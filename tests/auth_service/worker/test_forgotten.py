"""A forgotten password, from the asking to the login, with the worker that mails."""

import re

from tests.auth_service.running import Device
from tests.waiting import until

LINK = re.compile(r"http://localhost:3000/reset-password#token=(ot1\.[A-Za-z0-9_-]{43})\s")
NEW = "quite another passphrase"
LIES = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "Forwarded": "host=evil.example;proto=https",
    "X-Forwarded-Proto": "gopher",
    "Origin": "http://evil.example",
    "Referer": "http://evil.example/",
}


class TestAForgottenPassword:
    async def test_is_replaced_by_the_link_of_the_mail(self, service, new_worker, post_office):
        """Asked for, mailed, followed, and told: and then the new one opens the account."""
        ada = await service.register()
        new_worker()

        await service.client.post("/auth/password/forgot", json={"email": ada.email.upper()})
        await until(lambda: post_office.letters)
        (token,) = LINK.findall(post_office.letters[0].get_content())
        answer = await service.client.post("/auth/password/reset", json={"token": token, "new_password": NEW})
        await until(lambda: len(post_office.letters) == 2)

        assert answer.status_code == 204
        assert post_office.subjects() == ["Reset your password", "Your password was changed"]
        assert post_office.recipients == [ada.email, ada.email]
        assert (await Device(service.client).login(ada.email, password=NEW)).status_code == 200

    async def test_leads_to_the_frontend_alone(self, service, new_worker, post_office):
        """Whatever the request says about hosts, the link is that of APP_URL."""
        ada = await service.register()
        new_worker()

        for name, lie in LIES.items():
            headers = {name: lie}
            answer = await service.client.post("/auth/password/forgot", json={"email": ada.email}, headers=headers)
            assert answer.status_code in {202, 429}
        await until(lambda: post_office.letters)

        assert all("evil" not in letter.as_string() for letter in post_office.letters)
        assert LINK.search(post_office.letters[-1].get_content())

    async def test_of_a_deleted_account_is_mailed_in_its_grace_days(self, service, new_worker, post_office):
        """Who has forgotten it could not come back otherwise."""
        ada = await service.register()
        await service.client.delete("/auth/me", headers=ada.bearer)
        new_worker()

        await service.client.post("/auth/password/forgot", json={"email": ada.email})

        await until(lambda: "Reset your password" in post_office.subjects())

    async def test_of_nobody_is_not_mailed(self, service, new_worker, post_office, ended):
        """The worker finds out, where no answer's time can tell."""
        new_worker()

        await service.client.post("/auth/password/forgot", json={"email": "nobody@example.com"})

        async def is_skipped():
            return (await ended())[0] == "skipped"

        await until(is_skipped)
        assert post_office.letters == []
