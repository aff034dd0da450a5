"""Keys come and go: pending, active, retiring, retired; each step is made once, whoever makes it."""

import asyncio
import json
import random

import pytest

from auth_service.keys.rotation import NoSuchKey
from auth_service.keys.sealing import Seal, SealedWithAnotherSecret
from auth_service.keys.signing import SigningKey
from tests.auth_service.keys.stored import StoredKeys, kid_of, published


@pytest.fixture
async def ada(service):
    """An app in which somebody has registered."""
    return await service.register(delivery="body")


class TestAPendingKey:
    async def test_is_published_and_does_not_sign(self, service, stored):
        """Who keeps the key set for five minutes has it before the first token that needs it."""
        active = await stored.kid("active")

        await stored.operate("begin")

        assert await published(service.client) == [active, await stored.kid("pending")]
        assert kid_of((await service.register()).answer["access_token"]) == active

    @pytest.mark.parametrize(("minutes", "states"), [(9, ["active", "pending"]), (10, ["retiring", "active"])])
    async def test_signs_after_ten_minutes(self, service, stored, minutes, states):
        """Not before: a verifier may have read the set just before it was made."""
        await stored.operate("begin")
        await stored.age(minutes=minutes)

        await stored.move()

        assert await stored.states() == states

    async def test_is_one_at_a_time(self, service, stored):
        """Whoever asks for a rotation while one is under way is told of that one."""
        first = await stored.operate("begin")
        again = await stored.operate("begin")

        assert again.kid == first.kid
        assert await stored.states() == ["active", "pending"]


class TestTheActiveKey:
    async def test_signs(self, service, stored, ada):
        """New tokens name it, and those of the former key go on."""
        await stored.rotate()
        assert len(await published(service.client)) == 2

        assert await ada.is_signed_in()
        await ada.refresh()

        assert kid_of(ada.answer["access_token"]) == await stored.kid("active")
        assert await ada.is_signed_in()

    @pytest.mark.parametrize(("days", "states"), [(89, ["active"]), (90, ["active", "pending"])])
    async def test_gets_a_successor_after_ninety_days(self, service, stored, days, states):
        """Of signing, whenever it was made; and one only."""
        await stored.age(days=days)

        await stored.move()
        await stored.move()

        assert await stored.states() == states


class TestARetiringKey:
    @pytest.mark.parametrize(("minutes", "states"), [(74, ["retiring", "active"]), (75, ["retired", "active"])])
    async def test_verifies_for_a_token_and_an_hour(self, service, stored, minutes, states):
        """No token of it lives any longer, and a replica that was cut off has had an hour to read of its successor."""
        await stored.rotate()
        await stored.age(minutes=minutes)

        await stored.move()

        assert await stored.states() == states


class TestARetiredKey:
    async def test_is_out_of_the_key_set_and_erased(self, service, stored, sql, ada):
        """Its tokens are refused, nobody can sign with it again, and its row tells that it was there."""
        await stored.rotate()
        await stored.age(minutes=75)
        await stored.move()

        retired = await sql.fetchrow("SELECT private_sealed, public_jwk FROM signing_keys WHERE state = 'retired'")
        assert retired["private_sealed"] is None
        assert retired["public_jwk"]
        assert await published(service.client) == [await stored.kid("active")]
        assert not await ada.is_signed_in()


class TestEndingAKey:
    async def test_that_signs_makes_another(self, service, stored):
        """At once, and a new one: what waited beside it may have been stolen with it."""
        await stored.operate("begin")
        stolen, pending = await stored.kid("active"), await stored.kid("pending")

        successor = await stored.operate("retire", stolen)

        assert await stored.states() == ["retired", "pending", "active"]
        assert successor.kid == await stored.kid("active")
        assert await published(service.client) == [pending, successor.kid]

    @pytest.mark.parametrize("state", ["pending", "retiring"])
    async def test_that_does_not_sign_leaves_the_active_one(self, service, stored, state):
        """The key that signs goes on."""
        await stored.operate("begin")
        if state == "retiring":
            await stored.age(minutes=10)
            await stored.move()
        active = await stored.kid("active")

        assert (await stored.operate("retire", await stored.kid(state))).kid == active

        assert await published(service.client) == [active]

    async def test_tells_every_service(self, service, stored, sql):
        """In the same transaction, so that no crash comes between; a second time changes and tells nothing."""
        stolen = await stored.kid("active")
        for _ in range(2):
            await stored.operate("retire", stolen)

        told = await sql.fetch("SELECT payload->>'kind', payload->>'id' FROM outbox WHERE stream = 'auth:revocations'")
        assert [tuple(row) for row in told] == [("kid", stolen)]
        assert await stored.states() == ["retired", "active"]

    async def test_needs_a_key(self, service, stored):
        """An id that nobody knows changes nothing."""
        with pytest.raises(NoSuchKey):
            await stored.operate("retire", "unknown")

        assert await stored.states() == ["active"]


class TestAWrongSecret:
    @pytest.mark.parametrize("step", ["begin", "advance", "retire", "rewrap"])
    async def test_makes_no_key(self, service, stored, sessions, sql, step):
        """A key that the replicas cannot open would leave them with nothing to sign with."""
        wrong = StoredKeys(sessions, sql, Seal([b"w" * 32]))
        active = await stored.kid("active")
        await stored.age(days=91)

        with pytest.raises(SealedWithAnotherSecret, match=active):
            await (wrong.move() if step == "advance" else wrong.operate(step, *[active][: step == "retire"]))

        assert await stored.states() == ["active"]

    async def test_lets_no_key_sign(self, service, stored, sessions, sql):
        """A pending key that was sealed with a secret which is gone does not become active."""
        await stored.operate("begin")
        await sql.execute("UPDATE signing_keys SET private_sealed = '\\x00' WHERE state = 'pending'")
        await stored.age(minutes=10)

        with pytest.raises(SealedWithAnotherSecret):
            await stored.move()

        assert await stored.states() == ["active", "pending"]


class TestTheAuditLog:
    async def test_tells_every_step(self, service, stored):
        """Who began it, and what the worker did when it was due."""
        old = await stored.kid("active")
        await stored.rotate()
        await stored.age(minutes=75)
        await stored.move()
        new = await stored.kid("active")
        await stored.operate("retire", new)

        assert await stored.written() == [
            ("operator", "key_rotated", {"kid": new, "now": "pending"}),
            ("worker", "key_rotated", {"kid": new, "now": "active"}),
            ("worker", "key_retired", {"kid": old, "was": "retiring"}),
            ("operator", "key_retired", {"kid": new, "was": "active"}),
            ("operator", "key_rotated", {"kid": await stored.kid("active"), "now": "active"}),
        ]


class TestManyAtOnce:
    async def test_move_a_key_once(self, service, stored):
        """Eight workers find the same key due: one moves it, the others find it done."""
        await stored.operate("begin")
        await stored.age(minutes=10)
        await asyncio.gather(*(stored.move() for _ in range(8)))
        await stored.age(days=90)
        await asyncio.gather(*(stored.move() for _ in range(8)))

        assert await stored.states() == ["retired", "active", "pending"]
        assert [what for _, what, _ in await stored.written()] == [
            *("key_rotated", "key_rotated", "key_retired", "key_rotated")
        ]

    async def test_leave_one_active_whatever_they_do(self, service, stored):
        """Workers, operators and time in any order: no step fails, and after each one key signs."""
        dice = random.Random(38)

        async def retire_one():
            kids = [row[0] for row in await stored.sql.fetch("SELECT kid FROM signing_keys WHERE state <> 'retired'")]
            await stored.operate("retire", dice.choice(kids))

        async def rotate():
            await stored.operate("begin")

        for _ in range(25):
            await stored.age(minutes=dice.choice((0, 10, 80, 60 * 24 * 91)))
            victims = [retire_one] if dice.random() < 0.3 else []
            steps = [stored.move, stored.move, rotate, rotate, *victims]
            dice.shuffle(steps)
            await asyncio.gather(*(step() for step in steps))

            assert (await stored.states()).count("active") == 1
            assert (await stored.states()).count("pending") <= 1


class TestTheDatabase:
    async def test_never_shows_a_private_part(self, service, stored, sql):
        """In no table, in no spelling, in no state of any key."""
        await stored.rotate()
        await stored.operate("begin")
        sealed = await sql.fetch("SELECT private_sealed, kid FROM signing_keys WHERE private_sealed IS NOT NULL")
        keys = [SigningKey.from_private_jwk(stored.seal.open(*row)) for row in sealed]
        await stored.operate("retire", await stored.kid("retiring"))
        tables = await sql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [row[0] for (table,) in tables for row in await sql.fetch(f"SELECT t::text FROM {table} t")]
        dump = "".join(rows).lower()

        assert len(keys) == 3
        for key in keys:
            assert key.public_jwk["x"].lower() in dump
            assert not any(spelling in dump for spelling in _spellings(key))


def _spellings(key):
    number = key.private.private_numbers().private_value
    text = json.loads(key.private_jwk())["d"]
    return f"{number:064x}", str(number), text.lower(), text.encode().hex()
