"""The attack corpus against the running services and the gateway, in both signing modes."""

import time

import pytest

from tests.attacks.presenting import Place, answers_to, bearing, statuses
from tests.shared.tokens.corpus import ATTACKS, forged_by
from tests.shared.tokens.key_server import key_server

PLACES = ("todo-service", "auth-service", "gateway to the todo-service", "gateway to the auth-service")
REFUSALS = {400, 401, 431}
"""No token; or a header that HTTP itself forbids, or one too large."""

MEGABYTES = 48


@pytest.fixture(params=PLACES)
def place(request, target):
    """Each address that wants a token."""
    return target.places[request.param]


@pytest.fixture(scope="module")
def attacks(target):
    """Every attack of the corpus on every kind of token, by its name.

    Space around a token belongs to its header field (RFC 9110 section 5.5), so what has it there is the good token.
    """
    found = {}
    for kind in target.kinds.values():
        for name, attack in ATTACKS.items():
            text = attack(kind)
            if text is not None and text == text.strip(" \t\n"):
                found[f"{kind.name}: {name}"] = text
        for other in target.kinds.values():
            if other.sign is not kind.sign:
                found[f"{kind.name}, signed as {other.name}"] = forged_by(kind, other)
    return found


class TestAGoodToken:
    async def test_is_taken(self, target, place):
        """What refuses the others is the attack on them. The auth-service takes its own tokens alone."""
        tokens = [kind.token() for kind in target.kinds.values()]

        expected = [200 if kind.is_own or place.takes_frontends else 401 for kind in target.kinds.values()]
        assert await statuses(place, tokens) == expected


class TestAnAttack:
    async def test_is_refused(self, target, place, attacks):
        """Each of them; the processes are the same as before, take a good token, and hold no more memory."""
        assert len(attacks) > 1200
        before = target.running.resident_megabytes()

        answers = await answers_to(place, [bearing(place, token) for token in attacks.values()])

        wrong = {name: answer.status for name, answer in zip(attacks, answers, strict=True)}
        assert {name: status for name, status in wrong.items() if status not in REFUSALS} == {}
        assert list(wrong.values()).count(401) > len(wrong) * 0.9
        assert await statuses(place, [target.kinds["own by ES256"].token()]) == [200]
        assert [process.poll() for process in target.running.processes.values()] == [None, None, None]
        grown = {name: now - before[name] for name, now in target.running.resident_megabytes().items()}
        assert {name: more for name, more in grown.items() if more > MEGABYTES} == {}

    async def test_does_not_make_us_call_anybody(self, target, place):
        """Wherever a header says that its key can be found, nobody asks there."""
        async with key_server(target.kinds["own by ES256"].key.jwk()) as canary:
            names = ("jku", "x5u", "jwk", "x5c", "iss", "issuer")
            tokens = [
                *(kind.token(header={name: canary.url}) for kind in target.kinds.values() for name in names),
                *(kind.token(header={"kid": canary.url}) for kind in target.kinds.values() if kind.key),
                *(kind.token(iss=canary.url.partition("/.")[0]) for kind in target.kinds.values()),
            ]

            assert set(await statuses(place, tokens)) == {401}
            assert canary.hits == 0


class TestAnIdentity:
    @pytest.mark.parametrize(
        "name",
        [
            *("X-User-Id", "X-User", "X-User-Email", "X-Forwarded-User", "X-Forwarded-Email", "X-Auth-Request-User"),
            *("Remote-User", "X-Remote-User", "X-Authenticated-User", "X-Principal", "X-Client-Id", "X-Scopes"),
            *("X-Authorization", "X-Original-Authorization", "X-Forwarded-Authorization", "Proxy-Authorization"),
            *("X-Access-Token", "X-Forwarded-Access-Token", "X-Jwt-Payload", "X-Auth-Token", "Cookie"),
        ],
    )
    async def test_in_another_header_is_none(self, target, place, name):
        """A service believes no proxy about who is calling: it wants the token, where tokens are."""
        kind = target.kinds["own by ES256"]
        token = kind.token()
        said = [kind.claims["sub"], kind.claims["email"], token, f"Bearer {token}", f"access_token={token}"]
        requests = [_asking(place, place.path, f"{name}: {value}") for value in said]

        answers = await answers_to(place, requests)

        assert [(answer.status, answer.code) for answer in answers] == [(401, "missing_token")] * len(said)

    async def test_in_the_address_is_none(self, target, place):
        """Addresses are logged and passed on, so no token is read from one (RFC 9700 section 2.6)."""
        token = target.kinds["own by ES256"].token()
        paths = [f"{place.path}?{name}={token}" for name in ("access_token", "token", "bearer")]

        answers = await answers_to(place, [_asking(place, path) for path in paths])

        assert {answer.status for answer in answers} <= {401, 422}


class TestAFloodOfUnknownKeyIds:
    async def test_costs_one_fetch_in_ten_seconds(self, target, frontend):
        """Ten thousand ids that nobody has, of our own tokens and of a frontend's: each is 401."""
        place = target.places["todo-service"]
        ours, theirs = target.kinds["own by ES256"], target.kinds["Better Auth by ES256"]
        begun, hits, fetches = time.monotonic(), frontend.hits, fetches_of_our_keys(target)
        floods = [[flooding(kind, number) for number in range(5_000)] for kind in (ours, theirs)]

        refused = [await statuses(place, flood) for flood in floods]

        assert [set(found) for found in refused] == [{401}, {401}]
        # One for each ten seconds that have begun, and the regular one of every five minutes.
        most = (time.monotonic() - begun) // 10 + 2
        assert frontend.hits - hits <= most
        assert fetches_of_our_keys(target) - fetches <= most


def flooding(kind, number):
    """A token whose key nobody has; its signature is never looked at."""
    return kind.token(header={"kid": f"unknown-{number}"}, sign=lambda _: b"\0" * 64)


def fetches_of_our_keys(target):
    """How often somebody has asked the auth-service for its keys."""
    requests = target.running.lines("auth-service", "request")
    return sum(line["route"] == "/.well-known/jwks.json" for line in requests)


def _asking(place: Place, path: str, *lines: str) -> bytes:
    head = "".join(f"{line}\r\n" for line in lines)
    return f"GET {path} HTTP/1.1\r\nHost: localhost:{place.port}\r\n{head}\r\n".encode()
