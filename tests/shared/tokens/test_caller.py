"""Who is calling, as an app's routes see it."""

from ipaddress import ip_address, ip_network
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI, Request

from shared.caller import CALLER_PROBLEMS, CurrentUser, client_address, require_scope
from shared.faults import install_problem_handlers
from shared.problem_responses import documents
from shared.tokens import Principal
from tests.shared.tokens.minting import NoKeysYet, better_auth_token, own_claims, own_token

PROXIES = (ip_network("10.0.0.0/8"), ip_network("127.0.0.1/32"), ip_network("fd00::/8"))


@pytest.fixture
def app(verifier):
    app = FastAPI(responses=documents(*CALLER_PROBLEMS))
    app.state.verifier = verifier
    install_problem_handlers(app)

    @app.get("/me")
    async def me(user: CurrentUser, request: Request) -> dict[str, str]:
        return {"id": user.id, "logged": request.state.user_id}

    @app.get("/read")
    async def read(user: Annotated[Principal, Depends(require_scope("todos:read"))]) -> str:
        return user.id

    return app


@pytest.fixture
async def client(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        yield client


def refused(response, status, code, challenge):
    return (
        response.status_code == status
        and response.headers["content-type"] == "application/problem+json"
        and response.json()["code"] == code
        and response.headers.get("www-authenticate") == challenge
    )


class TestPresentingAToken:
    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
    async def test_names_the_user(self, client, signing_key, scheme):
        """The scheme's case does not matter, and the request's log line can name the user."""
        response = await client.get("/me", headers={"Authorization": f"{scheme} {own_token(signing_key)}"})

        assert response.json() == {"id": own_claims()["sub"], "logged": own_claims()["sub"]}

    @pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x", "BearerX y"])
    async def test_needs_one(self, client, value):
        """Without a Bearer token the answer is 401 and says how to authenticate."""
        response = await client.get("/me", headers={} if value is None else {"Authorization": value})

        assert refused(response, 401, "missing_token", "Bearer")

    @pytest.mark.parametrize(
        "value", ["Bearer x", "Bearer a.b.c", "Bearer {0} {0}", "Bearer {0}, Bearer {0}", "Bearer {0}="]
    )
    async def test_refuses_a_wrong_one(self, client, signing_key, value):
        """A wrong token gets 401 with the error code of RFC 6750, and no reason."""
        response = await client.get("/me", headers={"Authorization": value.format(own_token(signing_key))})

        assert refused(response, 401, "invalid_token", 'Bearer error="invalid_token"')
        assert "reason" not in response.text

    async def test_refuses_bytes_that_are_no_text(self, client):
        """Bytes beyond ASCII are a wrong token, not an error."""
        response = await client.get("/me", headers={"Authorization": b"Bearer \xff\xfe\x80"})

        assert refused(response, 401, "invalid_token", 'Bearer error="invalid_token"')

    async def test_refuses_two_fields(self, client, signing_key):
        """Of two Authorization fields neither counts, even when both are the same."""
        field = ("Authorization", f"Bearer {own_token(signing_key)}")

        response = await client.get("/me", headers=[field, field])

        assert refused(response, 400, "repeated_authorization", None)

    async def test_without_keys(self, app, client, signing_key, verifier_with):
        """While no key has been read the answer is 503, which asks for another try."""
        app.state.verifier = verifier_with(NoKeysYet())

        response = await client.get("/me", headers={"Authorization": f"Bearer {own_token(signing_key)}"})

        assert refused(response, 503, "keys_unavailable", None)
        assert response.headers["Retry-After"] == "1"


class TestScopes:
    async def test_missing_one(self, client, signing_key):
        """A token without the scope gets 403, which names it."""
        token = own_token(signing_key, scope="todos:write todos:readx")

        response = await client.get("/read", headers={"Authorization": f"Bearer {token}"})

        assert refused(response, 403, "insufficient_scope", 'Bearer error="insufficient_scope", scope="todos:read"')

    async def test_having_it(self, client, signing_key):
        """A token with the scope is let through."""
        response = await client.get("/read", headers={"Authorization": f"Bearer {own_token(signing_key)}"})

        assert response.status_code == 200

    async def test_none_named(self, client):
        """A token that names no scope at all is not restricted."""
        response = await client.get("/read", headers={"Authorization": f"Bearer {better_auth_token()}"})

        assert response.status_code == 200

    async def test_naming_an_empty_list_is_not_naming_none(self, client, signing_key):
        """An empty scope permits nothing."""
        response = await client.get("/read", headers={"Authorization": f"Bearer {own_token(signing_key, scope='')}"})

        assert response.status_code == 403


class TestDocumentation:
    @pytest.mark.parametrize("path", ["/me", "/read"])
    async def test_offers_authorize(self, app, path):
        """Every route that needs a user says so, so that the docs page's "Authorize" works for it."""
        described = app.openapi()

        assert described["paths"][path]["get"]["security"] == [{"HTTPBearer": []}]
        assert described["components"]["securitySchemes"]["HTTPBearer"].items() >= {
            ("type", "http"),
            ("scheme", "bearer"),
            ("bearerFormat", "JWT"),
        }
        assert {"400", "401", "503"} <= set(described["paths"][path]["get"]["responses"])


def request_from(peer, *forwarded):
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    return Request({"type": "http", "headers": headers, "client": None if peer is None else (peer, 1234)})


class TestTheClientsAddress:
    @pytest.mark.parametrize(
        ("peer", "forwarded", "address"),
        [
            ("10.1.2.3", ["203.0.113.7"], "203.0.113.7"),
            ("10.1.2.3", [" 2001:db8::7 "], "2001:db8::7"),
            ("::ffff:10.1.2.3", ["203.0.113.7"], "203.0.113.7"),
            ("fd00::1%eth0", ["203.0.113.7"], "203.0.113.7"),
            ("10.1.2.3", ["::ffff:203.0.113.7"], "203.0.113.7"),
            ("10.1.2.3", [], "10.1.2.3"),
            ("fd00::1%eth0", [], "fd00::1"),
            ("10.1.2.3", [""], "10.1.2.3"),
            ("10.1.2.3", ["unknown"], "10.1.2.3"),
            ("10.1.2.3", ["1.1.1.1, 203.0.113.7"], "10.1.2.3"),
            ("10.1.2.3", ["1.1.1.1", "203.0.113.7"], "10.1.2.3"),
            ("10.1.2.3", ["203.0.113.7:80"], "10.1.2.3"),
            ("192.0.2.1", ["203.0.113.7"], "192.0.2.1"),
            ("2001:db8::1", ["203.0.113.7"], "2001:db8::1"),
        ],
    )
    def test_is_the_peers_unless_a_trusted_one_forwards(self, peer, forwarded, address):
        """One entry of a trusted proxy is believed; anything else is the peer itself."""
        assert client_address(request_from(peer, *forwarded), PROXIES) == ip_address(address)

    @pytest.mark.parametrize("peer", [None, "", "testclient"])
    def test_may_be_unknown(self, peer):
        """Over a Unix socket there is none, and nobody is trusted to name one."""
        assert client_address(request_from(peer, "203.0.113.7"), PROXIES) is None

    def test_by_default_nobody_is_trusted(self):
        """Without trusted proxies the field counts for nothing."""
        assert client_address(request_from("127.0.0.1", "203.0.113.7"), ()) == ip_address("127.0.0.1")
