"""GET and PATCH /auth/me"""

import json
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


LINES = ("Ada\r\nBcc: eve@example.com", "Ada\n", "\x1b[2JAda", "Ada\x7f", "Ada\u2028Eve")
"""What would be more than one line, or more than text, wherever a name is shown."""


async def change(device, patch, content_type="application/json"):
    """Send a patch of the account that is signed in on this device."""
    headers = device.bearer | {"Content-Type": content_type}
    return await device.client.patch("/auth/me", content=json.dumps(patch), headers=headers)


class TestChangingYourAccount:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401 and says how to authenticate."""
        assert_problem(await client.patch("/auth/me", json={"name": "Ada"}), 401, "missing_token")

    @pytest.mark.parametrize("name", ["Ada King", "Ж" * 100, "<b>", None])
    async def test_changes_the_name(self, service, name):
        """It is shown at once, and nothing else has changed. `null` clears it."""
        ada = await service.register(name="Ada Lovelace")
        before = (await ada.me()).json()

        answer = await change(ada, {"name": name})

        assert (answer.status_code, answer.json()) == (200, before | {"name": name})
        assert (await ada.me()).json() == answer.json()
        assert answer.headers["cache-control"] == "no-store"

    async def test_takes_a_merge_patch(self, ada):
        """By the name that its standard gives it."""
        answer = await change(ada, {"name": "Ada"}, "application/merge-patch+json")

        assert answer.json()["name"] == "Ada"

    async def test_shows_in_the_next_tokens(self, ada):
        """A refresh answers with the account as it is now."""
        await change(ada, {"name": "Ada King"})

        await ada.refresh()

        assert ada.answer["user"]["name"] == "Ada King"

    @pytest.mark.parametrize("patch", [{}, {"name": "Ada"}])
    async def test_writes_nothing_that_is_so_already(self, service, statements, patch):
        """An empty patch, or the name of before, is answered and not stored."""
        ada = await service.register(name="Ada")
        before = (await ada.me()).json()
        statements.clear()

        answer = await change(ada, patch)

        assert (answer.status_code, answer.json()) == (200, before)
        assert [statement for statement in statements if statement.startswith("UPDATE")] == []

    @pytest.mark.parametrize(
        ("patch", "field"),
        [
            *[({"name": wrong}, "name") for wrong in ("", "x" * 101, 7, True, [], {}, "a\x00b", "\ud800", *LINES)],
            *[({name: "x"}, name) for name in ("email", "email_verified", "id", "status", "password", "scope")],
            ({"name": "Eve", "user_id": "1"}, "user_id"),
            ([], "body"),
            (None, "body"),
        ],
    )
    async def test_names_a_wrong_field(self, service, patch, field):
        """Whatever else is sent, the name is all that can change here, and nothing has."""
        ada = await service.register(name="Ada")

        errors = assert_problem(await change(ada, patch), 422, "validation_error")["errors"]

        assert [entry["loc"][-1] for entry in errors] == [field]
        assert (await ada.me()).json()["name"] == "Ada"

    async def test_is_your_own_account(self, service, ada):
        """Nobody else's name changes."""
        other = await service.register(name="Grace")

        await change(ada, {"name": "Ada"})

        assert (await other.me()).json()["name"] == "Grace"

    async def test_ends_with_the_account(self, service, ada):
        """A closed account is not changed, though its session has not ended."""
        await service.sql("UPDATE users SET status = 'disabled' WHERE email = :email", email=ada.email)

        assert_problem(await change(ada, {"name": "Ada"}), 401, "invalid_token")
