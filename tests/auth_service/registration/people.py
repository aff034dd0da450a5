"""People who register where addresses are verified first."""

from dataclasses import dataclass

import httpx

from auth_service.one_time import Use
from tests.auth_service.running import PASSWORD, Device, Service, cookie_in, new_address


@dataclass
class Newcomer:
    """Somebody who has registered: what their mail and their browser hold."""

    email: str
    token: str
    cookie: str | None
    registration_id: str


@dataclass
class Newcomers:
    """Registers people at a service, and follows their links."""

    service: Service

    async def ask(self, email: str, **changed: object) -> httpx.Response:
        """Register this address."""
        return await self.service.client.post("/auth/register", json={"email": email, "password": PASSWORD} | changed)

    async def sign_up(self, email: str | None = None, **changed: object) -> Newcomer:
        """Register, and return what the link has, as the worker derives it for the mail."""
        email = email or new_address()
        answer = await self.ask(email, **changed)
        assert answer.status_code == 202, answer.text
        ((row_id,),) = await self.service.sql(
            "SELECT id FROM pending_registrations WHERE email_norm = lower(:email) ORDER BY created_at DESC LIMIT 1",
            email=email,
        )
        token = self.service.app.state.one_time_tokens.text(Use.SIGN_UP, row_id)
        return Newcomer(email, token, cookie_in(answer, "todo_signup"), str(row_id))

    async def verify(self, token: str, *, cookie: str | None = None, **given: object) -> httpx.Response:
        """Follow the link, in the browser with this cookie, or with what else is given."""
        headers = given.pop("headers", {}) | ({"Cookie": f"todo_signup={cookie}"} if cookie else {})
        return await self.service.client.post("/auth/email/verify", json={"token": token} | given, headers=headers)

    async def join(self) -> Device:
        """Register, follow the link, and return the browser that is signed in."""
        newcomer = await self.sign_up()
        answer = await self.verify(newcomer.token, cookie=newcomer.cookie)
        assert answer.status_code == 200, answer.text
        device = Device(self.service.client)
        device.keep(answer)
        return device

    async def waiting(self, email: str) -> int:
        """How many registrations of this address are stored."""
        rows = await self.service.sql(
            "SELECT count(*) FROM pending_registrations WHERE email_norm = lower(:email)", email=email
        )
        return rows[0][0]


async def is_waiting(service: Service) -> bool:
    """Whether somebody waits for the turn of an address."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
    return await service.sql(waits) == [(1,)]
