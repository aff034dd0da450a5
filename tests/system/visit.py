"""A long visit to the set, in which every secret goes where it belongs, and to many places where it does not."""

import json
import re
from base64 import b64encode
from uuid import uuid4

import asyncpg
import httpx

from tests.system.canaries import Canaries, Recorder
from tests.system.conftest import PEER, PEER_SECRET
from tests.waiting import until

ODD = 'é"\\/ &+%'
"""Characters that each encoding writes in its own way."""

LINK = re.compile(r"#token=(ot1\.[\w-]+)")
JSON = {"Content-Type": "application/json"}
APP = {"X-Token-Delivery": "body"}
MAIL_SECONDS = 30


def password(name):
    """Return a password that nobody else has."""
    return f"canary {name} {uuid4()} {ODD}"


class Visit:
    """Somebody who does everything that handles a secret, right and wrong."""

    def __init__(self, running_set, client):
        self.running_set, self.client = running_set, client
        self.canaries, self.recorder = Canaries(), Recorder()
        self.email, self.passwords = f"canary-{uuid4()}@example.com", {}
        self.addresses = [self.email]
        client.event_hooks["response"].append(self.recorder.keep)

    def choose(self, name):
        """Return a new password, which is followed from now on."""
        self.passwords[name] = password(name)
        self.canaries.add(**{f"{name} password": self.passwords[name]})
        return self.passwords[name]

    async def post(self, path, body=None, expected=200, **headers):
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer

    async def enter(self, name, path, body, expected=200, **headers):
        """Open a session in an app; return its tokens, which are followed from now on."""
        tokens = (await self.post(path, body, expected, **APP, **headers)).json()
        self.canaries.add(**{f"{name} access": tokens["access_token"], f"{name} refresh": tokens["refresh_token"]})
        return tokens

    async def register_and_log_in(self):
        who = {"email": self.email, "password": self.choose("first")}
        first = await self.enter("registration's", "/auth/register", who, 201)
        await self.post("/auth/register", who, 409)
        await self.post("/auth/login", who | {"password": self.choose("wrong")}, 401)
        await self.enter("login's", "/auth/login", who)
        # A browser's cookies are secrets too, that of the known device included.
        answer = await self.post("/auth/login", who, Origin="http://localhost:3000")
        self.canaries.add(**{"browser's access": answer.json()["access_token"]})
        self.canaries.add(**{f"{cookie.name} cookie": cookie.value for cookie in self.client.cookies.jar})
        assert {"todo_rt", "todo_device"} <= set(self.client.cookies)
        self.client.cookies.clear()
        return first

    async def send_secrets_to_wrong_places(self, tokens):
        """To all places but paths, which the gateway logs."""
        secret, access = self.choose("misplaced"), tokens["access_token"]
        for body in (
            {"email": secret, "password": secret, "next": secret},
            {"email": self.email, "password": [secret], "x": access},
            {"email": self.email, "password": secret * 40},
        ):
            for path in ("/auth/register", "/auth/login"):
                await self.post(path, body, 422)
        await self.post("/auth/password/reset", {"token": tokens["refresh_token"], "new_password": secret}, 400)
        await self.post("/auth/refresh", {"refresh_token": access, "x": secret}, 422, **APP)
        await self.client.post("/auth/login", content=json.dumps(secret)[:-1], headers=JSON)
        basic = b64encode(f"{self.email}:{secret}".encode()).decode()
        for authorization in (f"Basic {basic}", f"Bearer {secret.encode().hex()}", access, f"Token {access}"):
            answer = await self.client.get("/auth/me", headers={"Authorization": authorization})
            assert answer.status_code == 401
        params = {"access_token": access, "password": secret, "token": tokens["refresh_token"]}
        for path in ("/todos", "/auth/me", "/changes", "/nowhere"):
            answer = await self.client.get(path, params=params, headers={"Cookie": f"todo_rt={access}; x={access}"})
            assert 400 <= answer.status_code < 500

    async def use_todos(self, tokens):
        """Also with a key for retries, whose stored answer must not hold what came with the request."""
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        key = {"Idempotency-Key": f'"{uuid4()}"'}
        for _ in range(2):
            await self.post("/todos", {"title": "Canary"}, 201, **bearer, **key)
        ticket = (await self.post("/events/ticket", None, 201, **bearer)).json()["ticket"]
        self.canaries.add(ticket=ticket)
        # Without the recorder, which would wait for the end of the stream.
        async with (
            httpx.AsyncClient(base_url=self.running_set.url) as reader,
            reader.stream("GET", "/events", params={"ticket": ticket}) as events,
        ):
            assert events.status_code == 200

    async def use_oauth(self):
        """Renew, ask about and revoke tokens by forms, right and wrong; no answer repeats what it was asked about."""
        tokens = await self.enter("OAuth's first", "/auth/login", self.who("first"))
        form = {"grant_type": "refresh_token", "client_id": "todo-native", "refresh_token": tokens["refresh_token"]}
        newer = (await self.client.post("/oauth/token", data=form)).json()
        self.canaries.add(**{"OAuth's access": newer["access_token"], "OAuth's refresh": newer["refresh_token"]})
        password_grant = {"grant_type": "password", "username": self.email, "password": self.passwords["first"]}
        for wrong in (
            password_grant,
            form | {"client_id": newer["access_token"]},
            form | {"scope": self.passwords["first"]},
        ):
            assert (await self.client.post("/oauth/token", data=wrong)).is_client_error
        for secret, status in ((PEER_SECRET, 200), (self.choose("not a peer's"), 401)):
            for token in (newer["access_token"], newer["refresh_token"], self.passwords["first"]):
                asked = {"token": token, "token_type_hint": token}
                answer = await self.client.post("/oauth/introspect", data=asked, auth=(PEER, secret))
                assert answer.status_code in {status, 400}
        for token in (newer["refresh_token"], newer["access_token"], self.passwords["first"]):
            assert (await self.client.post("/oauth/revoke", data={"token": token})).status_code in {200, 400}

    def who(self, name):
        """What to log in with."""
        return {"email": self.email, "password": self.passwords[name]}

    async def verify(self, tokens):
        """Ask for the link that verifies the address, and follow it: without a proof, by a wrong one, and rightly."""
        await self.post("/auth/email/resend", {"email": self.email}, 202)
        link = {"token": await self.token_of("Confirm your e-mail address")}
        self.canaries.add(**{"verifying token": link["token"]})
        await self.post("/auth/email/verify", link, 401)
        await self.post("/auth/email/verify", link | {"password": self.choose("no proof")}, 401)
        await self.post("/auth/email/verify", link, 204, Authorization=f"Bearer {tokens['access_token']}")

    async def refresh_and_replay(self, tokens):
        newer = await self.enter("refreshed", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
        await self.let_pass(newer["session_id"], 60)
        newest = await self.enter("newest", "/auth/refresh", {"refresh_token": newer["refresh_token"]})
        await self.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]}, 401, **APP)
        await self.post("/auth/refresh", {"refresh_token": newest["refresh_token"]}, 401, **APP)

    async def change_and_reset(self):
        """Change the password, forget it, follow the link of the mail, and log out."""
        tokens = await self.enter("changing", "/auth/login", self.who("first"))
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        change = {"current_password": self.choose("not the current"), "new_password": self.choose("second")}
        await self.post("/auth/password/change", change, 400, **bearer)
        change["current_password"] = self.passwords["first"]
        await self.post("/auth/password/change", change, 204, **bearer)
        await self.post("/auth/password/forgot", {"email": self.email}, 202)
        token = await self.token_of("Reset your password")
        self.canaries.add(**{"one-time token": token})
        await self.post("/auth/password/reset", {"token": token, "new_password": "canary"}, 422)
        await self.post("/auth/password/reset", {"token": token, "new_password": self.choose("third")}, 204)
        await self.post("/auth/password/reset", {"token": token, "new_password": self.choose("fourth")}, 400)
        last = await self.enter("last", "/auth/login", self.who("third"))
        bearer = {"Authorization": f"Bearer {last['access_token']}"}
        await self.post("/auth/logout", {"refresh_token": last["refresh_token"]}, 204, **APP, **bearer)

    async def move(self):
        """Change the address, by a wrong password and by the right one, and follow the link to the new one."""
        tokens = await self.enter("moving", "/auth/login", self.who("third"))
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        moving = {"new_email": f"canary-{uuid4()}@example.com", "password": self.choose("not the owner's")}
        await self.post("/auth/email/change", moving, 400, **bearer)
        await self.post("/auth/email/change", moving | {"password": self.passwords["third"]}, 202, **bearer)
        link = {"token": await self.token_of("Confirm your new e-mail address", moving["new_email"])}
        self.canaries.add(**{"moving token": link["token"]})
        await self.post("/auth/email/change/confirm", link | {"password": self.passwords["third"]}, 422, **bearer)
        await self.post("/auth/email/change/confirm", link, 204, **bearer)
        self.addresses.append(moving["new_email"])

    async def let_pass(self, session_id, seconds):
        """Let so many seconds pass for a session."""
        connection = await asyncpg.connect(self.running_set.stack()["databases"]["auth"])
        await connection.execute(
            "UPDATE refresh_tokens SET issued_at = issued_at - $2 * interval '1 second',"
            " seen_at = seen_at - $2 * interval '1 second', used_at = used_at - $2 * interval '1 second'"
            " WHERE session_id = $1",
            *(session_id, seconds),
        )
        await connection.close()

    async def token_of(self, subject, address=None):
        """Return the token of the link in the mail with this subject, to the visitor's address or this one."""
        found = []

        async def has_come():
            async with httpx.AsyncClient(base_url=self.running_set.mail_url) as client:
                mails = (await client.get("/api/v1/messages", params={"limit": 500})).json()["messages"]
                ids = [
                    one["ID"]
                    for one in mails
                    if one["Subject"] == subject and (address or self.email) in str(one["To"])
                ]
                if ids:
                    found.append((await client.get(f"/api/v1/message/{ids[0]}")).json()["Text"])
            return found

        await until(has_come, MAIL_SECONDS)
        return LINK.findall(found[0])[0]
