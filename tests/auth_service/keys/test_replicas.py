"""What a replica has in memory follows the table, and outlives it."""

import asyncio
import json
import time
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest

from auth_service.keys import KeyRing, TokenSubject
from shared.database import Database
from tests.auth_service.keys.stored import kid_of, published, seal_of
from tests.auth_service.running import AUTH_SECRET, assert_problem, serving, settings_for
from tests.servers import migrate
from tests.waiting import until

NEW_SECRET = "another secret of the auth-service alone"


@pytest.fixture
async def ring(service, url):
    """The keys as one more replica has them, which looks for news more often than others."""
    async with (
        Database.open(url, "tests") as database,
        KeyRing.open(database.sessions, seal_of(url), read_every_seconds=0.2) as ring,
    ):
        yield ring


class TestAReplica:
    async def test_follows_by_itself(self, stored, ring):
        """A rotation needs no restart."""
        before, changes = ring.signing.kid, ring.changes
        await stored.rotate()

        await until(lambda: ring.signing.kid != before)

        assert ring.signing.kid == await stored.kid("active")
        assert [jwk["kid"] for jwk in ring.jwks] == [before, ring.signing.kid]
        assert ring.changes > changes

    async def test_verifies_what_another_one_signed(self, service, new_service, url, stored):
        """By a key that it has not read yet: it looks again before it refuses."""
        other = await new_service(url)
        await stored.operate("retire", await stored.kid("active"))
        await published(service.client)
        ada = await service.register()
        ada.client = other.client

        assert kid_of(ada.answer["access_token"]) == await stored.kid("active")
        assert await ada.is_signed_in()

    async def test_reads_ten_times_a_second_at_most(self, service, ada, key_readings):
        """However many tokens of keys that nobody has arrive, at once or one after the other."""
        signed = ada.answer["access_token"].partition(".")[2]

        async def refuses(number):
            forged = {"Authorization": f"Bearer {_header(number)}.{signed}"}
            return (await service.client.get("/auth/me", headers=forged)).status_code == 401

        began = time.monotonic()
        key_readings.clear()
        assert all(await asyncio.gather(*(refuses(number) for number in range(300))))
        assert all([await refuses(number) for number in range(15)])

        assert len(key_readings) <= 10 * (time.monotonic() - began) + 2

    @pytest.fixture
    async def ada(self, service):
        """Somebody with a token."""
        return await service.register()


class TestTheKeySet:
    async def test_is_new_at_once(self, service, stored):
        """Whoever was told that a key has ended does not get the old set from a replica that was not told yet."""
        await stored.operate("retire", await stored.kid("active"))

        assert await published(service.client) == [await stored.kid("active")]

    async def test_is_answered_once(self, service, stored):
        """Who has it gets 304 until it changes."""
        first = await service.client.get("/.well-known/jwks.json")
        known = {"If-None-Match": f'"another", W/{first.headers["etag"]}'}

        same = await service.client.get("/.well-known/jwks.json", headers=known)
        await stored.operate("begin")
        changed = await service.client.get("/.well-known/jwks.json", headers=known)

        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", first.headers["etag"])
        assert same.headers["cache-control"] == first.headers["cache-control"] == "public, max-age=300"
        assert (changed.status_code, len(changed.json()["keys"])) == (200, 2)
        assert changed.headers["etag"] != first.headers["etag"]


class TestWhilePostgresIsAway:
    async def test_signs_and_verifies_on(self, new_postgres):
        """With the keys that it has read; when the server is back, it follows again."""
        server = new_postgres()
        url = server.url_for("auth")
        await migrate("auth-service", url)
        async with serving(settings_for(url)) as service:
            ada = await service.register()
            server.kill()
            before = await published(service.client)
            token = service.app.state.issuer.issue(_subject(ada)).text

            assert (await service.app.state.verifier.verify(token)).id == ada.answer["user"]["id"]
            assert before == [kid_of(token)]

            server.start()
            await until(ada.is_signed_in)
            await service.sql("UPDATE signing_keys SET state = 'retired', private_sealed = NULL")
            await until(lambda: _differs(service, before))


class TestAnotherSecret:
    async def test_of_the_next_key_leaves_the_former(self, service, stored, sessions, sql, url):
        """While AUTH_SECRET is being changed, replicas with the old one sign on by the key that they can open."""
        changed = seal_of(url, auth_secret=NEW_SECRET, auth_secret_previous=AUTH_SECRET)
        former = await stored.kid("active")
        stored.seal = changed
        await stored.rotate()

        assert await published(service.client) == [former, await stored.kid("active")]
        ada = await service.register()

        assert kid_of(ada.answer["access_token"]) == former
        assert await ada.is_signed_in()

    async def test_of_the_next_key_ends_with_the_former(self, service, stored, url):
        """A key that is out of the key set signs nothing: who has no other says so, and runs on."""
        stored.seal = seal_of(url, auth_secret=NEW_SECRET, auth_secret_previous=AUTH_SECRET)
        await stored.operate("retire", await stored.kid("active"))
        await published(service.client)

        answer = await service.client.post(
            "/auth/register", json={"email": "nobody@example.com", "password": "correct horse battery"}
        )

        assert_problem(answer, 503, "keys_unavailable")
        assert (await service.client.get("/readyz")).json()["reason"] == "signing key: not loaded"
        assert await service.sql("SELECT count(*) FROM users") == [(0,)]


class TestSigningWithTheSharedSecret:
    async def test_leaves_the_keys_to_themselves(self, new_service, url, stored):
        """They are published and rotate; its own tokens name no key, so the end of a key ends none of them."""
        service = await new_service(url, jwt_signing_alg="HS256")
        ada = await service.register()
        await stored.rotate()
        await stored.operate("retire", await stored.kid("active"))

        assert await published(service.client) == [await stored.kid("retiring"), await stored.kid("active")]
        assert await ada.is_signed_in()


async def _differs(service, before):
    return await published(service.client) != before


def _header(number):
    header = {"alg": "ES256", "kid": f"key {number}", "typ": "at+jwt"}
    return urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()


def _subject(device):
    claims = device.claims
    return TokenSubject(
        user_id=UUID(claims["sub"]),
        email=device.email,
        email_verified=False,
        token_version=0,
        session_id=UUID(claims["sid"]),
        client_id="todo-web",
        scopes=["todos:read"],
        auth_time=datetime.now(UTC),
        amr=["pwd"],
    )
