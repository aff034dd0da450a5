"""What is no access token of an open session opens nothing, at any operation that wants one."""

import time
from uuid import uuid4

import pytest

from tests.auth_service.running import AUTH_SECRET, PUBLIC_URL, SHARED_SECRET, assert_problem
from tests.shared.tokens.minting import DROP, compact, hmac_sha256


@pytest.fixture
def operations(service):
    """Method and address of every operation that demands an access token."""
    found = [
        (method.upper(), path.format(session_id=uuid4()))
        for path, methods in service.app.openapi()["paths"].items()
        for method, given in methods.items()
        if given.get("security") == [{"HTTPBearer": []}]
    ]
    assert len(found) >= 5
    return found


@pytest.fixture
def minted(app_of_ada):
    """`minted(exp=…)`: a token for an open session by the shared secret, with these changes to its claims."""

    def minted(header=None, secret=SHARED_SECRET, **changed):
        claims = app_of_ada.claims | {"aud": DROP} | changed
        return compact({"alg": "HS256", "typ": "at+jwt"} | (header or {}), claims, hmac_sha256(secret))

    return minted


@pytest.fixture
def wrong(minted, app_of_ada):
    """Tokens that are wrong in one thing, by that thing."""
    now, good = int(time.time()), app_of_ada.answer["access_token"]
    return {
        "expired": minted(iat=now - 601, exp=now - 1),
        "of another issuer": minted(iss=f"{PUBLIC_URL}.evil.example"),
        "of a frontend": minted(header={"typ": "JWT"}),
        "by another secret": minted(secret=AUTH_SECRET),
        "of another session": minted(sid=str(uuid4())),
        "of another user": minted(sub=str(uuid4())),
        "of an older version": minted(ver=app_of_ada.claims["ver"] - 1),
        "of a later version": minted(ver=app_of_ada.claims["ver"] + 1),
        "with odd ids": minted(sid="' OR 1=1 --", sub="../ada"),
        "cut": good[:-1],
        "its payload alone": good.split(".")[1],
        "a refresh token": app_of_ada.refresh_token,
        "a link": f"ot1.{'A' * 43}",
    }


class TestAWrongToken:
    async def test_opens_nothing(self, client, operations, wrong, app_of_ada):
        """401 wherever a token is wanted, before anything else is looked at; and the session is as it was."""
        for method, path in operations:
            for what, token in wrong.items():
                answer = await client.request(method, path, json={}, headers={"Authorization": f"Bearer {token}"})

                assert answer.status_code == 401, (path, what, answer.text)
                assert_problem(answer, 401, "invalid_token")
        assert await app_of_ada.is_signed_in()

    async def test_is_wrong_in_that_alone(self, client, minted):
        """Without a fault a token that was made so is taken."""
        answer = await client.get("/auth/me", headers={"Authorization": f"Bearer {minted()}"})

        assert answer.status_code == 200

    async def test_is_that_of_an_ended_session(self, client, operations, app_of_ada):
        """A good signature for ten minutes, and worth nothing."""
        await app_of_ada.send_token("/auth/logout", app_of_ada.refresh_token)

        for method, path in operations:
            assert_problem(await client.request(method, path, headers=app_of_ada.bearer), 401, "invalid_token")
