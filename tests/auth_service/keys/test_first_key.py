"""The first key: made once, sealed, and waited for."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from auth_service.keys.sealing import Seal, SealedWithAnotherSecret
from auth_service.keys.signing import SigningKey
from tests.auth_service.keys.stored import published
from tests.auth_service.processes import environment, running
from tests.auth_service.running import AUTH_SECRET, assert_problem, new_address, serving, settings_for
from tests.servers import migrate
from tests.waiting import until

NEW_SECRET = "another secret of the auth-service alone"


class TestMakingTheKey:
    async def test_five_replicas_make_one_key(self, url, sql):
        """However many processes start at once on an empty table, one makes the key and all publish it."""
        async with AsyncExitStack() as ending:
            env = environment(DATABASE_URL=url)
            replicas = await asyncio.gather(*(ending.enter_async_context(running(env)) for _ in range(5)))
            for replica in replicas:
                await until(replica.is_up, seconds=60)

            sets = [await published(replica.client) for replica in replicas]

        [kid] = [row[0] for row in await sql.fetch("SELECT kid FROM signing_keys")]
        assert sets == [[kid]] * 5

    async def test_five_replicas_sign_with_one_key(self, url, new_service):
        """Each verifies what another signed."""
        replicas = await asyncio.gather(*(new_service(url) for _ in range(5)))

        device = await replicas[0].register()
        device.client = replicas[4].client

        assert (await device.me()).status_code == 200

    async def test_a_restart_keeps_it(self, migrated_database):
        """Access tokens outlive a restart."""
        url = await migrated_database("auth")
        async with serving(settings_for(url)) as first:
            device = await first.register()

        async with serving(settings_for(url)) as second:
            device.client = second.client

            assert (await device.me()).status_code == 200

    async def test_stores_it_sealed(self, service):
        """The private part cannot be read from the database."""
        ((sealed, jwk),) = await service.sql("SELECT private_sealed, public_jwk FROM signing_keys")

        assert b'"d"' not in sealed
        assert set(jwk) == {"kty", "crv", "x", "y", "kid", "alg", "use"}


class TestSealing:
    KEY = SigningKey.generate()

    def test_opens_with_the_former_secret_too(self):
        """After a change of AUTH_SECRET the stored key still opens."""
        sealed = Seal([b"a" * 32]).close(self.KEY.private_jwk(), self.KEY.kid)

        opened = Seal([b"b" * 32, b"a" * 32]).open(sealed, self.KEY.kid)

        assert SigningKey.from_private_jwk(opened).public_jwk == self.KEY.public_jwk

    @pytest.mark.parametrize(("key", "kid"), [(b"b" * 32, "k1"), (b"a" * 32, "k2")])
    def test_opens_for_nobody_else(self, key, kid):
        """Neither with another key nor in another row."""
        sealed = Seal([b"a" * 32]).close(b"secret", "k1")

        with pytest.raises(SealedWithAnotherSecret):
            Seal([key]).open(sealed, kid)

    @pytest.mark.parametrize("place", [0, 12, -1])
    def test_notices_a_changed_byte(self, place):
        """What was tampered with does not open."""
        sealed = bytearray(Seal([b"a" * 32]).close(b"secret", "k1"))
        sealed[place] ^= 1

        with pytest.raises(SealedWithAnotherSecret):
            Seal([b"a" * 32]).open(bytes(sealed), "k1")

    @pytest.mark.parametrize("sealed", [None, b"", b"short"])
    def test_opens_nothing_that_was_erased(self, sealed):
        """A row without a private part is no reason to stumble."""
        with pytest.raises(SealedWithAnotherSecret):
            Seal([b"a" * 32]).open(sealed, "k1")

    def test_never_seals_alike(self):
        """Each seal has a nonce of its own."""
        seal = Seal([b"a" * 32])

        assert len({seal.close(b"secret", "k1") for _ in range(100)}) == 100


class TestAWrongAuthSecret:
    async def test_ends_the_start(self, migrated_database):
        """A key that neither secret opens is not replaced: the process says which two variables are wrong."""
        url = await migrated_database("auth")
        async with serving(settings_for(url)):
            pass

        async with running(environment(DATABASE_URL=url, AUTH_SECRET=NEW_SECRET)) as process:
            status = await asyncio.wait_for(process.process.wait(), 20)

        assert status == 2
        assert "AUTH_SECRET:" in process.output
        assert "AUTH_SECRET_PREVIOUS:" in process.output
        assert NEW_SECRET not in process.output
        assert "Traceback" not in process.output

    async def test_is_no_fault_while_the_former_one_is_known(self, new_service):
        """With AUTH_SECRET_PREVIOUS the service starts, and tokens from before hold."""
        before = await new_service()
        device = await before.register()
        after = await new_service(
            before.settings.database_url, auth_secret=NEW_SECRET, auth_secret_previous=AUTH_SECRET
        )
        device.client = after.client

        assert (await device.me()).status_code == 200


class TestPostgresAwayAtTheStart:
    async def test_is_waited_for(self, new_postgres):
        """The process comes up, says that it is not ready, refuses politely, and recovers by itself."""
        server = new_postgres()
        url = server.url_for("auth")
        server.stop()
        async with serving(settings_for(url)) as service:
            health, ready = await service.client.get("/health"), await service.client.get("/readyz")
            refused = await service.client.post(
                "/auth/login", json={"email": new_address(), "password": "correct horse battery"}
            )
            no_keys = await service.client.get("/.well-known/jwks.json")
            server.start()
            await migrate("auth-service", url)

            async def is_ready():
                return (await service.client.get("/readyz")).status_code == 200

            await until(is_ready)
            device = await service.register()

            assert (await device.me()).status_code == 200
        assert (health.status_code, ready.status_code) == (200, 503)
        assert_problem(refused, 503, "database_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert_problem(no_keys, 503, "keys_unavailable")

    async def test_says_that_the_key_is_missing(self, url, sql):
        """The database is there and its schema new enough, but there is no key to sign with."""
        await sql.execute("ALTER TABLE signing_keys RENAME TO out_of_reach")
        async with serving(settings_for(url)) as service:
            answer = await service.client.get("/readyz")

        assert (answer.status_code, answer.json()["reason"]) == (503, "signing key: not loaded")
