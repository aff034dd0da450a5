"""Reading another service's key set, from a real server on loopback."""

import asyncio
import json

import pytest

from shared.tokens import InvalidToken, KeysUnavailable
from shared.tokens.jwk import UnusableKey
from shared.tokens.jwks import JwksSource
from shared.tokens.keys import read_key_set
from tests.shared.tokens.key_server import key_server
from tests.shared.tokens.minting import DROP, Clock, SigningKey, b64, better_auth_token, own_token
from tests.waiting import until


async def _loaded(source, changes=1):
    await until(lambda: source.changes >= changes)


class TestTheFirstSet:
    async def test_is_read_in_the_background(self, verifier_with, signing_key):
        """Soon after the start the published key verifies."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url) as source:
            await _loaded(source)

            assert await verifier_with(source).verify(own_token(signing_key))
            assert server.hits == 1

    async def test_is_waited_for_by_nobody(self, verifier_with, signing_key):
        """While the source is silent the start goes on and tokens get 503, not 401."""
        async with key_server(signing_key.jwk()) as server:
            server.answering.clear()
            async with JwksSource(server.url) as source:
                await until(lambda: server.hits == 1)

                with pytest.raises(KeysUnavailable):
                    await verifier_with(source).verify(own_token(signing_key))
                assert await verifier_with(source).verify(better_auth_token())

    async def test_is_asked_for_every_second_until_it_is_there(self, verifier_with, signing_key):
        """A source that is ready later is found without a restart."""
        async with key_server(signing_key.jwk()) as server:
            server.status = 503
            async with JwksSource(server.url) as source:
                await until(lambda: server.hits == 1)
                started = asyncio.get_running_loop().time()
                server.status = 200
                await _loaded(source)

                assert 0.8 < asyncio.get_running_loop().time() - started < 3
                assert await verifier_with(source).verify(own_token(signing_key))

    async def test_costs_the_source_nothing_per_token(self, signing_key):
        """Before the first set no token makes a request."""
        async with key_server() as server, JwksSource(server.url) as source:
            await until(lambda: server.hits == 1)
            for _ in range(50):
                with pytest.raises(KeysUnavailable):
                    await source.key("any")

            assert server.hits == 1


class TestTheStart:
    async def test_knows_the_keys_at_once(self, signing_key):
        """Who starts while the source is there has nobody wait, and refuses nobody, for want of keys."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url) as source:
            assert await source.key(signing_key.kid) is not None
            assert server.hits == 1


class TestAnUnknownKey:
    async def test_makes_the_set_be_read_again(self, verifier_with, signing_key):
        """A key published after the last reading is accepted with its first token."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url) as source:
            await _loaded(source)
            verifier, fresh = verifier_with(source), SigningKey("2026-b")
            server.publish(signing_key.jwk(), fresh.jwk())

            assert await verifier.verify(own_token(fresh))
            assert await verifier.verify(own_token(signing_key))
            assert server.hits == 2

    async def test_flood_is_one_request_in_ten_seconds(self, verifier_with, signing_key):
        """10 000 made-up ids, many at once, cost the source one request per ten seconds."""
        clock = Clock(now=0.0)
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url, clock=clock) as source:
            await _loaded(source)
            for second in (0.0, 9.9, 10.0, 19.9):
                clock.now = second
                found = await asyncio.gather(*(source.key(f"{second}-{number}") for number in range(2500)))
                assert not any(found)

            assert server.hits == 1 + 2

    async def test_is_told_to_people(self, signing_key):
        """Which keys there are, and since when the source has not confirmed them; that it is away makes them older."""
        clock = Clock(now=0.0)
        async with key_server(signing_key.jwk()) as server:
            source = JwksSource(server.url, clock=clock)
            assert source.snapshot() == {"keys": [], "skipped": 0, "age_seconds": None}
            async with source:
                clock.now, server.status = 7.0, 500
                await source.refetch()

            assert source.snapshot() == {"keys": [signing_key.kid], "skipped": 0, "age_seconds": 7}

    async def test_is_waited_for_together(self, signing_key):
        """Requests that come while the set is being read get that answer; one that hangs up disturbs nobody."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url) as source:
            await _loaded(source)
            fresh = SigningKey("2026-b")
            server.publish(fresh.jwk())
            server.answering.clear()
            waiting = [asyncio.create_task(source.key(fresh.kid)) for _ in range(20)]
            await until(lambda: server.hits == 2)
            waiting[0].cancel()
            server.answering.set()

            found = await asyncio.gather(*waiting, return_exceptions=True)

            assert isinstance(found[0], asyncio.CancelledError)
            assert all(key.kid == fresh.kid for key in found[1:])
            assert server.hits == 2

    async def test_stays_unknown(self, verifier_with, signing_key):
        """After reading again the token is refused as invalid."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url) as source:
            await _loaded(source)

            with pytest.raises(InvalidToken):
                await verifier_with(source).verify(own_token(SigningKey("unknown")))

    @pytest.mark.parametrize("member", ["jku", "x5u", "kid", "iss"])
    async def test_addresses_in_a_token_are_never_visited(self, verifier_with, signing_key, member):
        """Only the configured address is asked for keys; the one that a token names sees no request."""
        thief = SigningKey("thief")
        async with (
            key_server(thief.jwk()) as canary,
            key_server(signing_key.jwk()) as server,
            JwksSource(server.url) as source,
        ):
            await _loaded(source)
            named = {member: canary.url}
            token = own_token(thief, **(named if member == "iss" else {"header": named}))

            with pytest.raises(InvalidToken):
                await verifier_with(source).verify(token)
            assert canary.hits == 0


class TestRotation:
    async def test_a_withdrawn_key_ends_at_the_next_reading(self, verifier_with, signing_key):
        """Once the set without it is read, its tokens are refused, also those verified before."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url, refresh_seconds=0.02) as source:
            await _loaded(source)
            verifier, fresh, token = verifier_with(source), SigningKey("2026-b"), own_token(signing_key)
            assert await verifier.verify(token)

            server.publish(fresh.jwk())
            await _loaded(source, changes=2)

            with pytest.raises(InvalidToken):
                await verifier.verify(token)
            assert await verifier.verify(own_token(fresh))

    async def test_the_same_set_is_no_change(self, signing_key):
        """Reading the same text again empties no cache."""
        async with key_server(signing_key.jwk()) as server, JwksSource(server.url, refresh_seconds=0.01) as source:
            await until(lambda: server.hits >= 5)

            assert source.changes == 1


class TestASourceThatFails:
    @pytest.fixture
    async def served(self, signing_key):
        async with key_server(signing_key.jwk()) as server:
            yield server

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"[]",
            b"not json",
            b"\xff\xfe",
            b'{"keys": {}}',
            b'{"keys": []}',
            b'{"keys": [1, null, "x"]}',
            b'{"keys": ' + b"[" * 60_000,
        ],
        ids=["empty", "list", "text", "binary", "object", "no keys", "no objects", "deep"],
    )
    async def test_with_a_wrong_document_keeps_the_last_good_set(self, served, verifier_with, signing_key, document):
        """What is no usable set replaces nothing."""
        async with JwksSource(served.url, refresh_seconds=0.01) as source:
            await _loaded(source)
            served.document = document
            hits = served.hits
            await until(lambda: served.hits >= hits + 3)

            assert source.changes == 1
            assert await verifier_with(source).verify(own_token(signing_key))

    async def test_with_too_large_a_set_keeps_the_last_good_one(self, served):
        """64 KiB are the most that is read, whatever is in it."""
        async with JwksSource(served.url, refresh_seconds=0.01) as source:
            await _loaded(source)
            served.publish(SigningKey("2026-d").jwk(pad="x" * 65_536))
            hits = served.hits
            await until(lambda: served.hits >= hits + 3)

            assert source.changes == 1

    @pytest.mark.parametrize("status", [204, 301, 404, 500, 503])
    async def test_with_another_status_keeps_the_last_good_set(self, served, verifier_with, signing_key, status):
        """Only a 200 counts, and redirects are not followed."""
        async with JwksSource(served.url, refresh_seconds=0.01) as source, key_server(SigningKey("x").jwk()) as canary:
            await _loaded(source)
            served.status, served.headers, served.document = status, f"Location: {canary.url}\r\n", b""
            hits = served.hits
            await until(lambda: served.hits >= hits + 3)

            assert await verifier_with(source).verify(own_token(signing_key))
            assert (source.changes, canary.hits) == (1, 0)

    async def test_when_down_keeps_the_last_good_set(self, served, verifier_with, signing_key):
        """Tokens are verified on while the source is away, and unknown ids are refused without an error."""
        async with JwksSource(served.url) as source:
            await _loaded(source)
            await served.stop()

            assert await verifier_with(source).verify(own_token(signing_key))
            assert await source.key("unknown") is None

    async def test_when_silent_is_given_up_after_two_seconds(self, served, signing_key):
        """An unknown id waits no longer for a source that does not answer."""
        async with JwksSource(served.url) as source:
            await _loaded(source)
            served.answering.clear()
            started = asyncio.get_running_loop().time()

            assert await source.key("unknown") is None
            assert 1.5 < asyncio.get_running_loop().time() - started < 3.5

    async def test_is_followed_again_when_it_is_back(self, served):
        """After an outage the next reading brings the new keys."""
        async with JwksSource(served.url, refresh_seconds=0.01) as source:
            await _loaded(source)
            served.status = 500
            hits = served.hits
            await until(lambda: served.hits >= hits + 2)
            served.publish(SigningKey("2026-c").jwk())
            served.status = 200
            await _loaded(source, changes=2)

            assert await source.key("2026-c")


class TestReadingASet:
    def test_skips_what_it_cannot_use(self, signing_key):
        """Keys for something else, private ones and foreign types are left out; the rest counts."""
        unusable = [
            signing_key.jwk(kid="a", use="enc"),
            signing_key.jwk(kid="b", d=b64(b"\1" * 32)),
            signing_key.jwk(kid="c", crv="P-384"),
            signing_key.jwk(kid=DROP),
            {"kty": "oct", "kid": "d", "k": b64(b"\1" * 32), "alg": "HS256"},
            {"kty": "RSA", "kid": "e", "n": "AQAB", "e": "AQAB"},
            {"kty": "OKP", "kid": "f", "crv": "X25519", "x": b64(b"\1" * 32)},
            "no key",
        ]

        keys, skipped = read_key_set(json.dumps({"keys": [*unusable, signing_key.jwk()]}).encode())

        assert list(keys) == [signing_key.kid]
        assert skipped == len(unusable)

    @pytest.mark.parametrize("twin", [{}, {"use": "enc"}, {"kty": "oct"}])
    def test_a_repeated_id_means_no_key(self, signing_key, twin):
        """Nobody can tell which of two keys an id means, whatever the other one is for."""
        other = SigningKey("other")

        keys, _ = read_key_set(json.dumps({"keys": [signing_key.jwk(), signing_key.jwk(**twin), other.jwk()]}).encode())

        assert list(keys) == ["other"]

    def test_holds_fifty_keys(self, signing_key):
        """A set of more is refused as a whole."""
        fifty = [signing_key.jwk(kid=str(number)) for number in range(50)]

        assert len(read_key_set(json.dumps({"keys": fifty}).encode())[0]) == 50
        with pytest.raises(UnusableKey):
            read_key_set(json.dumps({"keys": [*fifty, signing_key.jwk()]}).encode())

    @pytest.mark.parametrize("members", [{"alg": DROP}, {"use": DROP}, {"key_ops": ["verify"]}, {"x5t": "ignored"}])
    def test_optional_members(self, signing_key, members):
        """What RFC 7517 makes optional may be missing, what it does not know is ignored."""
        assert read_key_set(json.dumps({"keys": [signing_key.jwk(**members)]}).encode())[0]
