"""GET /auth/sessions, DELETE /auth/sessions/{id}, POST /auth/logout-all: where you are logged in, and the way out."""

from uuid import uuid4

import pytest

from tests.auth_service.running import PASSWORD, Device, assert_problem

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
async def phone(service, ada):
    """Another device of the same person, an app."""
    phone = Device(service.client, "body")
    await phone.login(ada.email)
    return phone


async def listed(device):
    """The list that this device sees."""
    answer = await device.client.get("/auth/sessions", headers=device.bearer)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def end(device, session_id):
    """Take a session off the list."""
    return await device.client.delete(f"/auth/sessions/{session_id}", headers=device.bearer)


async def log_out_all(device, **body):
    """Log out everywhere."""
    return await device.client.post("/auth/logout-all", json=body or None, headers=device.bearer)


class TestListingSessions:
    async def test_needs_a_token(self, client):
        """Without a token the answer is 401; the cookie is none."""
        assert_problem(await client.get("/auth/sessions"), 401, "missing_token")

    async def test_needs_more_than_the_cookie(self, client, ada):
        """What a browser sends by itself shows nothing."""
        answer = await client.get("/auth/sessions", headers={"Cookie": f"todo_rt={ada.refresh_token}"})

        assert_problem(answer, 401, "missing_token")

    async def test_shows_your_own_alone(self, ada, phone, app_of_ada):
        """The newest first, the one that asks is marked, and nobody else's."""
        assert [(one["id"], one["current"]) for one in await listed(ada)] == [
            (phone.answer["session_id"], False),
            (ada.answer["session_id"], True),
        ]

    async def test_tells_devices_apart(self, client, ada):
        """What it is, where it logged in, and when it was seen; nothing secret."""
        body = {"email": ada.email, "password": PASSWORD}
        await client.post("/auth/login", json=body, headers={"User-Agent": FIREFOX})

        [newest, _] = await listed(ada)

        assert newest == {
            "id": newest["id"],
            "current": False,
            "device": "Firefox on Linux",
            "ip": "127.0.0.1",
            "created_at": newest["created_at"],
            "last_seen_at": newest["created_at"],
            "amr": ["pwd"],
        }

    async def test_shows_when_one_was_seen(self, ada, phone):
        """A refresh moves it."""
        await phone.refresh()

        [newest, oldest] = await listed(ada)

        assert newest["last_seen_at"] > newest["created_at"]
        assert oldest["last_seen_at"] == oldest["created_at"]

    async def test_leaves_out_what_is_over(self, service, ada, phone, later):
        """A session that has ended or expired is no place where you are logged in."""
        idle = Device(service.client)
        await idle.login(ada.email)
        await later(idle, 14 * 86_400 + 1)
        await phone.send_token("/auth/logout", phone.refresh_token)

        assert [one["id"] for one in await listed(ada)] == [ada.answer["session_id"]]

    async def test_answers_to_the_other_spelling(self, ada):
        """A trailing slash makes no difference, and nobody may store the answer."""
        answer = await ada.client.get("/auth/sessions/", headers=ada.bearer)

        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")


class TestEndingASessionOfTheList:
    async def test_needs_a_token(self, client, ada):
        """Without a token the answer is 401."""
        answer = await client.delete(f"/auth/sessions/{ada.answer['session_id']}")

        assert_problem(answer, 401, "missing_token")

    async def test_of_a_stranger_is_as_missing(self, ada, app_of_ada):
        """A stranger cannot tell your session from one that never existed, and does it no harm."""
        for session_id in (app_of_ada.answer["session_id"], uuid4()):
            assert_problem(await end(ada, session_id), 404, "session_not_found")

        assert await app_of_ada.is_signed_in()

    async def test_logs_that_device_out(self, ada, phone, revoked):
        """Neither of its tokens opens anything, here or at another service; this device goes on."""
        answer = await end(ada, phone.answer["session_id"])

        assert (answer.status_code, answer.content) == (204, b"")
        assert_problem(await phone.present(), 401, "invalid_grant")
        assert_problem(await phone.me(), 401, "invalid_token")
        assert [one["id"] for one in await revoked(ada)] == [phone.answer["session_id"]]
        assert (await ada.refresh()).status_code == 200

    async def test_is_done_once(self, ada, phone):
        """What has ended is not there any more."""
        await end(ada, phone.answer["session_id"])

        assert_problem(await end(ada, phone.answer["session_id"]), 404, "session_not_found")

    async def test_may_be_this_one(self, ada):
        """A device can take itself off the list."""
        assert (await end(ada, ada.answer["session_id"])).status_code == 204

        assert not await ada.is_signed_in()

    @pytest.mark.parametrize("session_id", ["x", "1", "00000000-0000-0000-0000-00000000000g"])
    async def test_takes_ids(self, ada, session_id):
        """What is no id is refused as such."""
        assert_problem(await end(ada, session_id), 422, "validation_error")


class TestLoggingOutEverywhere:
    async def test_needs_a_token(self, client, ada):
        """Without a token the answer is 401: the cookie of a browser is none, so no foreign page can do it."""
        answer = await client.post("/auth/logout-all", headers={"Cookie": f"todo_rt={ada.refresh_token}"})

        assert_problem(answer, 401, "missing_token")
        assert await ada.is_signed_in()

    @pytest.mark.parametrize("body", [{}, {"keep_current": False}])
    async def test_ends_all_sessions(self, ada, phone, app_of_ada, revoked, body):
        """No token of this person opens anything, here or at another service; others notice nothing."""
        answer = await log_out_all(ada, **body)

        assert (answer.status_code, answer.content) == (204, b"")
        for device in (ada, phone):
            assert_problem(await device.present(), 401, "invalid_grant")
            assert_problem(await device.me(), 401, "invalid_token")
        assert [(one["kind"], one["ver"]) for one in await revoked(ada)] == [("user", 1)]
        assert await app_of_ada.is_signed_in()

    async def test_spares_the_next_login(self, ada):
        """A login of the same second works: what has ended is told by a version, not by a time."""
        await log_out_all(ada)

        await ada.login(ada.email)

        assert await ada.is_signed_in()

    async def test_can_keep_this_one(self, ada, phone, revoked):
        """With `keep_current` this device goes on, with the access token that it has."""
        await log_out_all(ada, keep_current=True)

        assert await ada.is_signed_in()
        assert (await ada.refresh()).status_code == 200
        assert_problem(await phone.present(), 401, "invalid_grant")
        assert [one["id"] for one in await revoked(ada)] == [phone.answer["session_id"]]

    @pytest.mark.parametrize("body", [{"all": True}, {"keep_current": "perhaps"}, {"keep_current": None}, []])
    async def test_checks_the_body(self, ada, body):
        """Unknown fields and wrong types are refused, and nothing ends."""
        answer = await ada.client.post("/auth/logout-all", json=body, headers=ada.bearer)

        assert_problem(answer, 422, "validation_error")
        assert await ada.is_signed_in()


class TestTheHundredAndFirstSession:
    @pytest.fixture
    async def crowd(self, service, ada):
        """A hundred sessions of one person: the first was seen 100 seconds ago, the others after it."""
        await service.sql(
            "INSERT INTO sessions SELECT (jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid(),"
            " 'last_seen_at', s.last_seen_at - make_interval(secs => n)))).*"
            " FROM sessions s, generate_series(1, 99) n WHERE s.id = :id",
            id=ada.answer["session_id"],
        )
        await service.sql(
            "UPDATE sessions SET last_seen_at = last_seen_at - interval '100 s' WHERE id = :id",
            id=ada.answer["session_id"],
        )
        return ada

    async def test_ends_the_one_seen_longest_ago(self, crowd, stranger, revoked):
        """Whoever logs in gets in, and the device that was not used for longest is logged out, everywhere."""
        assert len(await listed(crowd)) == 100

        await stranger.login(crowd.email)

        assert_problem(await crowd.me(), 401, "invalid_token")
        assert len(await listed(stranger)) == 100
        assert [one["id"] for one in await revoked(crowd)] == [crowd.answer["session_id"]]

    async def test_spares_the_one_in_use(self, crowd, stranger):
        """Being seen is what counts, not being old."""
        await crowd.refresh()

        await stranger.login(crowd.email)

        assert await crowd.is_signed_in()
        assert len(await listed(crowd)) == 100

    async def test_is_counted_without_those_that_are_over(self, service, crowd, stranger):
        """A session that has expired takes nobody's place."""
        await service.sql(
            "UPDATE sessions SET idle_expires_at = clock_timestamp() WHERE id = (SELECT id FROM sessions"
            " WHERE user_id = :id ORDER BY last_seen_at DESC LIMIT 1)",
            id=crowd.answer["user"]["id"],
        )

        await stranger.login(crowd.email)

        assert await crowd.is_signed_in()
        assert len(await listed(crowd)) == 100
