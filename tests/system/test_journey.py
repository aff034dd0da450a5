"""What a person does with a todo app, through the gateway and all real parts."""

from uuid import uuid4

import pytest
import schemathesis

STRANGER = b'{"email": "nobody@example.com", "password": "wrong horse"}'
NO_ADDRESS = b'{"email": "no address", "password": "correct horse"}'
SHORT = b'{"email": "a@example.com", "password": "short"}'


class TestAPersonsFirstMinutes:
    async def test_register_log_in_and_create(self, running_set, new_person, mail_arrives):
        """A person registers, logs in, manages todos, and gets the mail."""
        ada = await new_person()
        login = await ada.client.post("/auth/login", json={"email": ada.email, "password": ada.password})
        assert login.status_code == 200
        ada.client.headers["Authorization"] = f"Bearer {login.json()['access_token']}"

        created = await ada.create("Buy milk")
        assert created.status_code == 201
        address = created.headers["location"]
        assert await ada.titles() == ["Buy milk"]

        changed = await ada.client.patch(address, json={"completed": True, "priority": 5})
        assert (changed.status_code, changed.json()["completed"], changed.json()["priority"]) == (200, True, 5)
        assert (await ada.client.get("/todos", params={"completed": False})).json() == []

        assert (await ada.client.delete(address)).status_code == 204
        assert (await ada.client.get(address)).status_code == 404
        assert await ada.titles() == []
        await mail_arrives(ada.email, "Todo created: Buy milk")

    async def test_every_mail_comes_once(self, new_person, mails_to, mail_arrives):
        """Ten todos make ten mails."""
        ada = await new_person()
        titles = [f"Number {number}" for number in range(10)]
        for title in titles:
            await ada.create(title)

        for title in titles:
            await mail_arrives(ada.email, f"Todo created: {title}")

        assert sorted(await mails_to(ada.email)) == sorted(f"Todo created: {title}" for title in titles)

    async def test_a_retry_makes_one_todo_and_one_mail(self, new_person, mails_to, mail_arrives):
        """A page may send a create again with its key: it is told that this is a replay, and one mail comes."""
        ada = await new_person()
        page, key = {"Origin": "http://localhost:3000"}, {"Idempotency-Key": str(uuid4())}
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "idempotency-key"}

        preflight = await ada.client.options("/todos", headers=page | asked)
        first = await ada.client.post("/todos", json={"title": "Buy milk"}, headers=page | key)
        second = await ada.client.post("/todos", json={"title": "Buy milk"}, headers=page | key)
        await ada.create("Buy bread")
        await mail_arrives(ada.email, "Todo created: Buy bread")

        assert "idempotency-key" in preflight.headers["Access-Control-Allow-Headers"].lower()
        assert "idempotency-replayed" in second.headers["Access-Control-Expose-Headers"].lower()
        assert "Idempotency-Replayed" not in first.headers
        assert (second.content, second.headers["Idempotency-Replayed"]) == (first.content, "true")
        assert await ada.titles() == ["Buy bread", "Buy milk"]
        assert sorted(await mails_to(ada.email)) == ["Todo created: Buy bread", "Todo created: Buy milk"]

    async def test_stay_signed_in_by_the_cookie(self, new_person):
        """The refresh cookie gives a new access token; logout ends that."""
        ada = await new_person()

        refreshed = await ada.client.post("/auth/refresh")
        assert refreshed.status_code == 200
        ada.client.headers["Authorization"] = f"Bearer {refreshed.json()['access_token']}"
        me = await ada.client.get("/auth/me")
        assert (me.status_code, me.json()["email"]) == (200, ada.email)

        assert (await ada.client.post("/auth/logout")).status_code == 204
        assert (await ada.client.post("/auth/refresh")).status_code == 401
        assert (await ada.client.get("/auth/me")).status_code == 401

    async def test_a_stranger_sees_nothing(self, new_person):
        """Somebody else's todo is as missing as one that never was."""
        ada, grace = await new_person(), await new_person()
        address = (await ada.create("Secret")).headers["location"]

        answers = [
            await grace.client.get(address),
            await grace.client.patch(address, json={"title": "Mine"}),
            await grace.client.delete(address),
        ]

        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert await grace.titles() == []
        assert await ada.titles() == ["Secret"]

    async def test_a_read_sees_the_write_before_it(self, new_person):
        """A cached list is never older than the last acknowledged write."""
        ada = await new_person()
        for number in range(20):
            await ada.titles()
            await ada.create(f"Number {number}")

            assert len(await ada.titles()) == number + 1


class TestErrorsOnTheWayIn:
    @pytest.mark.parametrize(
        ("method", "path", "content", "status", "code"),
        [
            ("GET", "/todos", None, 401, "missing_token"),
            ("POST", "/todos", b'{"title": "x"}', 401, "missing_token"),
            ("GET", "/nowhere", None, 404, "not_found"),
            ("PUT", "/.well-known/jwks.json", None, 405, "method_not_allowed"),
            ("POST", "/auth/login", b'{"email": ', 400, "malformed_json"),
            ("POST", "/auth/login", b"[" * 10_000, 400, "malformed_json"),
            ("POST", "/auth/login", b"x" * 20_000, 413, "body_too_large"),
            (
                "POST",
                "/auth/login",
                b'{"email": "nobody@example.com", "password": "wrong horse"}',
                401,
                "invalid_credentials",
            ),
            (
                "POST",
                "/auth/register",
                b'{"email": "no address", "password": "correct horse"}',
                422,
                "validation_error",
            ),
            ("POST", "/auth/register", SHORT, 422, "weak_password"),
        ],
    )
    async def test_are_problems_that_a_page_can_read(self, browser_like, method, path, content, status, code):
        """Every refusal has a code, a request id and CORS fields."""
        headers = {"Content-Type": "application/json"} if content else {}
        response = await browser_like.request(method, path, content=content, headers=headers)

        assert response.status_code == status, response.text
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == code
        assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert response.headers["access-control-allow-credentials"] == "true"
        assert response.headers["x-request-id"]

    @pytest.mark.parametrize("token", ["nonsense", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZGEifQ."])
    async def test_a_wrong_token_is_401(self, browser_like, token):
        """The challenge says what is wanted (RFC 6750 section 3)."""
        response = await browser_like.get("/todos", headers={"Authorization": f"Bearer {token}"})

        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        ("query", "field"),
        [("limit=0", "limit"), ("limit=201", "limit"), ("skip=-1", "skip"), ("compleeted=true", "compleeted")],
    )
    async def test_a_wrong_parameter_is_named(self, new_person, query, field):
        """422 says which parameter, also one that does not exist."""
        ada = await new_person()

        response = await ada.client.get(f"/todos?{query}")

        assert response.status_code == 422
        assert field in response.json()["errors"][0]["loc"]

    @pytest.mark.parametrize("title", ["", "   ", "x" * 201, "a\x00b", "\u200b"])
    async def test_a_wrong_title_is_named(self, new_person, title):
        """422 names the field, and nothing is stored."""
        ada = await new_person()

        response = await ada.create(title)

        assert response.status_code == 422
        assert response.json()["errors"][0]["loc"] == ["body", "title"]
        assert await ada.titles() == []

    async def test_an_address_registers_once(self, new_person):
        """A second account with the same address is 409."""
        ada = await new_person()

        again = await ada.client.post(
            "/auth/register", json={"email": ada.email.upper(), "password": "correct horse 2"}
        )

        assert (again.status_code, again.json()["code"]) == (409, "email_taken")


class TestTheBrowsersRules:
    async def test_a_preflight_is_answered(self, browser_like):
        """The page may send JSON and a token."""
        asked = {
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        response = await browser_like.options(f"/todos/{uuid4()}", headers=asked)

        assert response.status_code == 204
        assert "PATCH" in response.headers["access-control-allow-methods"]
        assert {"authorization", "content-type"} <= {
            name.strip().lower() for name in response.headers["access-control-allow-headers"].split(",")
        }

    async def test_a_foreign_page_gets_nothing(self, running_set, new_person):
        """No CORS fields for an origin that is not listed, and no write by it."""
        ada = await new_person()
        foreign = {"Origin": "https://evil.example"}

        read = await ada.client.get("/todos", headers=foreign)
        write = await ada.client.post("/todos", json={"title": "evil"}, headers=foreign)

        assert "access-control-allow-origin" not in read.headers
        assert (write.status_code, write.json()["code"]) == (403, "cors_forbidden")
        assert await ada.titles() == []


class TestTheDocuments:
    async def test_describe_both_services(self, browser_like):
        """One OpenAPI document, one bearer scheme beside the Basic one of services, one page."""
        document = (await browser_like.get("/openapi.json")).json()

        assert {"/auth/register", "/auth/refresh", "/auth/me", "/todos", "/todos/{todo_id}"} <= set(document["paths"])
        assert {scheme["scheme"] for scheme in document["components"]["securitySchemes"].values()} == {
            "bearer",
            "basic",
        }
        assert (await browser_like.get("/docs")).headers["content-type"].startswith("text/html")

    async def test_keep_to_the_specification(self, browser_like):
        """Generators of clients read it: OpenAPI 3.1 without a word that it does not have."""
        document = (await browser_like.get("/openapi.json")).json()

        schemathesis.openapi.from_dict(document).validate()

    async def test_health_is_the_guides_answer(self, browser_like):
        """GET /health at the gateway."""
        assert (await browser_like.get("/health")).json() == {"status": "healthy"}
