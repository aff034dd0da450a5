"""A request without a good token ends at the gateway, before its body and before any upstream."""

from collections.abc import AsyncIterator

import pytest

from tests.attacks.presenting import Place, answers_to, bearing, statuses
from tests.gateway.conftest import OneGateway
from tests.gateway.guarded import SETTINGS, Guarded, kinds_of, lately
from tests.gateway.peers import Message, Upstream, Wire, get, post
from tests.gateway.process import Gateway, running_gateway
from tests.shared.tokens.key_server import key_server
from tests.shared.tokens.kinds import make_pairs
from tests.shared.tokens.minting import SigningKey, own_token
from tests.waiting import until

REFUSALS = {400, 401, 431}
"""No good token; or a header that HTTP itself forbids, or one too large."""


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory, upstream_server: Upstream) -> AsyncIterator[Guarded]:
    upstream_server.forget()
    key, pairs = SigningKey("first"), make_pairs()
    ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream_server.port)
    async with key_server(key.jwk()) as keys, key_server(*(pair.jwk() for pair in pairs.values())) as frontend:
        urls = {"AUTH_JWKS_URL": keys.url, "BETTER_AUTH_JWKS_URL": frontend.url}
        async with running_gateway(tmp_path_factory.mktemp("guarded"), ports, **SETTINGS, **urls) as gateway:
            guarded = Guarded(gateway, keys, kinds_of(key, pairs))
            await until(lambda: knows_all_keys(guarded), seconds=60)
            yield guarded


@pytest.fixture
def guarded(running: Guarded, upstream: Upstream) -> Guarded:
    """The gateway, in front of an upstream that has seen nothing yet."""
    return running


async def one_is_taken(place: Place, token: str) -> bool:
    return await statuses(place, [token]) == [200]


async def knows_all_keys(guarded: Guarded) -> bool:
    return set(await statuses(guarded.place, [kind.token() for kind in guarded.kinds.values()])) == {200}


def says_so(answer: Message, code: str, challenge: str) -> bool:
    """Whether this is the 401 of that code, as a service would say it, and says who has refused."""
    cause = answer.one("proxy-status")
    assert (answer.status, answer.code, cause) == (401, code, "gateway; error=http_request_denied")
    return answer.one("www-authenticate") == challenge


class TestAGoodToken:
    async def test_is_passed_on_as_it_came(self, guarded: Guarded, upstream: Upstream) -> None:
        """The service judges for itself: it gets the field unchanged, and nobody's word for who is calling."""
        for field in (f"Bearer {guarded.good}", f"bEARER   {guarded.good}"):
            answer = await guarded.gateway.ask(get("/required/1", f"Authorization: {field}"))

            assert answer.status == 200
            assert upstream.last.one("authorization") == field
            assert {name for name, _ in upstream.last.fields} <= {
                *("host", "authorization", "via", "x-request-id", "traceparent"),
                *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-deadline-ms"),
            }

    async def test_names_the_user_in_the_log(self, guarded: Guarded) -> None:
        """The line of the request has the `sub`; that of a refused one has nobody."""
        bad = f"{guarded.good[:-4]}AAAA"
        for path, token in (("/required/logged", guarded.good), ("/required/nobody", bad)):
            await guarded.gateway.ask(get(path, f"Authorization: Bearer {token}"))

        await until(lambda: any(line["path"] == "/required/nobody" for line in guarded.gateway.lines()))
        users = {line["path"]: line["user"] for line in guarded.gateway.lines()}
        assert users["/required/logged"] == guarded.kinds["own by ES256"].claims["sub"]
        assert users["/required/nobody"] is None

    async def test_is_needed_by_every_method(self, guarded: Guarded, upstream: Upstream) -> None:
        """Without one, none but the gateway's own OPTIONS is answered."""
        asked = {name: get("/required", method=name) for name in ("GET", "POST", "PUT", "OPTIONS")}

        answers = {name: await guarded.gateway.ask(raw) for name, raw in asked.items()}
        head = await guarded.gateway.ask(get("/required", method="HEAD"), to_head=True)

        assert {name: answer.status for name, answer in answers.items()} == {
            **dict.fromkeys(("GET", "POST", "PUT"), 401),
            "OPTIONS": 204,
        }
        assert head.status == 401
        assert upstream.seen == []


class TestABadToken:
    async def test_is_seen_by_no_upstream(self, guarded: Guarded, upstream: Upstream) -> None:
        """Each attack of the corpus, on each kind of token, ends here; a good token then passes."""
        attacks = dict(guarded.attacks())
        assert len(attacks) > 1200

        answers = await answers_to(guarded.place, [bearing(guarded.place, text) for text in attacks.values()])

        found = {name: answer.status for name, answer in zip(attacks, answers, strict=True)}
        assert {name: status for name, status in found.items() if status not in REFUSALS} == {}
        assert list(found.values()).count(401) > len(found) * 0.9
        assert upstream.seen == []
        assert await statuses(guarded.place, [guarded.good]) == [200]

    async def test_is_challenged(self, guarded: Guarded) -> None:
        """The answer says how to authenticate, and whether a token was wrong or none was there."""
        none = await guarded.gateway.ask(get("/required"))
        other = await guarded.gateway.ask(get("/required", "Authorization: Basic YTpi"))
        bad = await guarded.gateway.ask(get("/required", "Authorization: Bearer a.b.c"))

        assert says_so(none, "missing_token", "Bearer")
        assert says_so(other, "missing_token", "Bearer")
        assert says_so(bad, "invalid_token", 'Bearer error="invalid_token"')

    async def test_is_told_to_pages(self, guarded: Guarded) -> None:
        """A page of another origin can read the refusal."""
        answer = await guarded.gateway.ask(get("/required", f"Origin: {guarded.gateway.origin}"))

        assert (answer.status, answer.one("access-control-allow-origin")) == (401, guarded.gateway.origin)
        assert answer.one("access-control-allow-credentials") == "true"

    @pytest.mark.parametrize("expects", [True, False])
    async def test_is_refused_before_its_body(self, guarded: Guarded, upstream: Upstream, expects: bool) -> None:
        """The answer comes while the body is unread, and whoever waits to send it is never asked for it."""
        lines = ("Content-Length: 1000", *(["Expect: 100-continue"] if expects else []))
        async with Wire.to(guarded.gateway.port) as wire:
            answer = await wire.answer(get("/required", *lines, method="POST"))

        assert (answer.status, answer.code) == (401, "missing_token")
        assert upstream.seen == []

    async def test_beside_a_good_one(self, guarded: Guarded, upstream: Upstream) -> None:
        """Two fields could be read in two ways."""
        fields = (f"Authorization: Bearer {guarded.good}", "Authorization: Bearer a.b.c")

        answers = [await guarded.gateway.ask(get("/required", *lines)) for lines in (fields, fields[::-1])]

        assert [(answer.status, answer.code) for answer in answers] == [(400, "bad_header")] * 2
        assert upstream.seen == []


class TestARouteWhereTokensAreOptional:
    async def test_passes_whoever_sends_none(self, guarded: Guarded, upstream: Upstream) -> None:
        """Something else, such as a ticket in the query, may do; the service decides."""
        assert (await guarded.gateway.ask(get("/optional?ticket=1"))).status == 200
        assert upstream.last.target == "/optional?ticket=1"

    async def test_refuses_a_bad_one(self, guarded: Guarded, upstream: Upstream) -> None:
        """Who sends a token means it."""
        answer = await guarded.gateway.ask(get("/optional", "Authorization: Bearer a.b.c"))

        assert says_so(answer, "invalid_token", 'Bearer error="invalid_token"')
        assert upstream.seen == []

    async def test_passes_a_good_one(self, guarded: Guarded) -> None:
        """It is looked at as everywhere."""
        answer = await guarded.gateway.ask(get("/optional", f"Authorization: Bearer {guarded.good}"))

        assert answer.status == 200


class TestARouteWithoutTokens:
    async def test_takes_any_field(self, guarded: Guarded, upstream: Upstream) -> None:
        """Nobody looks at it: what it is about is between client and service."""
        answer = await guarded.gateway.ask(get("/auth/me", "Authorization: Bearer a.b.c"))

        assert (answer.status, upstream.last.one("authorization")) == (200, "Bearer a.b.c")


class TestNothingElseOpens:
    @pytest.mark.parametrize(
        "header",
        [
            *("X-User-Id", "X-User", "X-Forwarded-User", "X-Auth-Request-User", "X-Authenticated-User", "Remote-User"),
            *("X-Authorization", "X-Original-Authorization", "Proxy-Authorization", "X-Access-Token", "Cookie"),
            *("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Original-Uri"),
            *(
                "X-HTTP-Method-Override",
                "X-Method-Override",
                "X-HTTP-Method",
                "X-Original-Method",
                "X-Forwarded-Method",
            ),
            *("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "X-Forwarded-Host", "Forwarded", "True-Client-IP"),
            *("User-Agent", "X-Internal", "X-Client-Name", "Client-Id", "X-Request-Id", "X-Envoy-Internal"),
        ],
    )
    async def test_no_bypass(self, guarded: Guarded, upstream: Upstream, header: str) -> None:
        """The route alone decides: no header says who is calling, where to, by which method or from how near."""
        said = ("127.0.0.1", "/read", "OPTIONS", "gateway", "kube-probe/1.30", f"Bearer {guarded.good}", guarded.good)

        answers = [await guarded.gateway.ask(get("/required", f"{header}: {value}")) for value in said]

        assert [(answer.status, answer.code) for answer in answers] == [(401, "missing_token")] * len(said)
        assert upstream.seen == []

    @pytest.mark.parametrize(
        ("target", "status"),
        [
            *(("/required/", 401), ("/required?access_token={}", 401), ("http://localhost/required", 401)),
            *(("/optional/../required", 400), ("/optional/%2e%2e/required", 400), ("//required", 400)),
            *(("/optional%2f..%2frequired", 400), ("/required;x=1", 400), ("/%72equired", 404), ("/Required", 404)),
        ],
    )
    async def test_no_other_spelling(self, guarded: Guarded, upstream: Upstream, target: str, status: int) -> None:
        """An address is read in one way, or refused; no token is ever read from one (RFC 9700 section 2.6)."""
        answer = await guarded.gateway.ask(get(target.format(guarded.good)))

        assert answer.status == status
        assert upstream.seen == []


class TestKeys:
    async def test_rotation(self, one_gateway: OneGateway, upstream: Upstream) -> None:
        """Tokens by a new key are good from the first on, and those by the former one while it is published."""
        former, new = SigningKey("former"), SigningKey("new")
        async with key_server(former.jwk()) as keys, one_gateway(AUTH_JWKS_URL=keys.url) as gateway:
            place = Place(gateway.port, "/required", takes_frontends=False)
            before = [own_token(former, **lately(), jti=f"{number}") for number in range(20)]
            await until(lambda: one_is_taken(place, before[0]), seconds=60)
            keys.publish(former.jwk(), new.jwk())
            after = [own_token(key, **lately(), jti=f"n{number}") for number in range(20) for key in (new, former)]

            assert set(await statuses(place, [*before, *after, *before])) == {200}

    async def test_of_an_auth_service_that_is_away(self, guarded: Guarded) -> None:
        """Tokens by keys that are known go on, also such as were never seen."""
        await guarded.keys.stop()
        try:
            tokens = [guarded.good, guarded.kinds["own by ES256"].token(jti="never seen")]

            assert await statuses(guarded.place, tokens) == [200, 200]
        finally:
            await guarded.keys.start()

    async def test_that_never_came(self, gateway: Gateway, upstream: Upstream) -> None:
        """Nobody can tell a good token from a bad one: 503, and again soon. It is up, and its other routes work."""
        token = own_token(SigningKey("unknown"), **lately())
        asked = {"Authorization": get("/required", f"Authorization: Bearer {token}"), "none": get("/required")}

        answers = {name: await gateway.ask(raw) for name, raw in asked.items()}
        ready, other = await gateway.ask(get("/readyz")), await gateway.ask(post("/todos", "{}"))

        unknown = answers["Authorization"]
        assert (unknown.status, unknown.code) == (503, "keys_unavailable")
        assert unknown.one("proxy-status") == "gateway; error=proxy_internal_response"
        assert unknown.one("retry-after") in {"1", "2", "3"}
        assert (answers["none"].status, ready.status, other.status) == (401, 200, 200)
        assert [one.target for one in upstream.seen] == ["/todos"]
