"""GET /auth/me"""

import time
from uuid import uuid4

import pytest
from jose import jwt

from tests.auth_service.running import PUBLIC_URL, SHARED_SECRET, assert_problem


def own_shape(**claims):
    """A token in the shape of ours, which every holder of the shared secret can write."""
    now = int(time.time())
    given = {"iss": PUBLIC_URL, "sub": str(uuid4()), "client_id": "todo-web", "iat": now, "exp": now + 60}
    given |= {"jti": "1", "sid": str(uuid4()), "scope": "todos:read", "ver": 0}
    return jwt.encode(given | claims, SHARED_SECRET, "HS256", headers={"typ": "at+jwt"})


class TestReadingYourAccount:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401 and says how to authenticate."""
        answer = await client.get("/auth/me")

        assert_problem(answer, 401, "missing_token")
        assert answer.headers["www-authenticate"] == "Bearer"

    async def test_shows_who_you_are(self, ada):
        """The account, without anything secret."""
        answer = await ada.me()

        assert answer.headers["cache-control"] == "no-store"
        body = answer.json()
        assert set(body) == {"id", "email", "email_verified", "name", "created_at", "last_login_at"}
        assert body["email"] == ada.email

    async def test_shows_the_last_login(self, ada, stranger):
        """A login anywhere shows at once."""
        before = (await ada.me()).json()

        await stranger.login(ada.email)

        assert (await ada.me()).json()["last_login_at"] > before["last_login_at"] >= before["created_at"]

    async def test_looks_the_session_up(self, service, ada):
        """An access token whose session has ended or expired opens nothing, though it has not expired itself."""
        await service.sql(
            "UPDATE sessions SET idle_expires_at = clock_timestamp() WHERE id = :id", id=ada.answer["session_id"]
        )

        answer = await ada.me()

        assert_problem(answer, 401, "invalid_token")
        assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'

    @pytest.mark.parametrize("change", ["status = 'disabled'", "token_version = token_version + 1"])
    async def test_looks_the_account_up(self, service, ada, change):
        """Disabling an account, or ending all its tokens, takes effect at once."""
        await service.sql(f"UPDATE users SET {change} WHERE email = :email", email=ada.email)

        assert_problem(await ada.me(), 401, "invalid_token")

    async def test_takes_no_foreign_tokens(self, client, ada):
        """A token of a Better Auth frontend names nobody here, even if it names a user of ours."""
        token = jwt.encode({"sub": ada.answer["user"]["id"], "exp": time.time() + 60}, SHARED_SECRET, "HS256")

        answer = await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})

        assert_problem(answer, 401, "invalid_token")

    @pytest.mark.parametrize("claims", [{}, {"sid": "1"}, {"sub": "' OR 1=1"}, {"sid": str(uuid4())}])
    async def test_needs_a_session_of_that_user(self, client, ada, claims):
        """Writing a token in our shape is not enough: its session has to be stored, and to be that user's."""
        token = own_shape(**({"sub": ada.answer["user"]["id"]} | claims))

        answer = await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})

        assert_problem(answer, 401, "invalid_token")

    async def test_does_not_mix_users_and_sessions(self, service, client, ada):
        """One user's session opens no other user's account."""
        other = await service.register()
        token = own_shape(sub=other.answer["user"]["id"], sid=ada.answer["session_id"])

        answer = await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})

        assert_problem(answer, 401, "invalid_token")
