"""Whatever a body is instead of what an operation takes: a clear refusal, and nothing changed."""

import json

import pytest

from tests.auth_service.hostile import LIES, MALFORMED, NO_OBJECTS, operations_of
from tests.auth_service.running import assert_problem

JSON = {"Content-Type": "application/json"}
LEFT_OUT = {"alembic_version", "audit_events"}
"""A refusal may be written down."""


@pytest.fixture(scope="module")
def operations(service):
    """Every operation that takes a JSON object."""
    found = operations_of(service.app.openapi())
    assert len(found) >= 7
    return found


@pytest.fixture
def ask(client, app_of_ada):
    """`await ask(operation, body)`: as an app in which somebody is signed in."""
    usual = JSON | {"X-Token-Delivery": "body"} | app_of_ada.bearer

    async def ask(operation, body, **headers):
        return await client.request(operation.method, operation.path, content=body, headers=usual | headers)

    return ask


@pytest.fixture
def refused(ask, operations):
    """`await refused(make, *expected)`: what was not answered so, of the bodies that `make` makes for an operation."""

    async def refused(make, *expected):
        found = {}
        for operation in operations:
            for name, (field, body) in make(operation).items():
                answer = await ask(operation, body)
                if (answer.status_code, *_said(answer, field)) != expected:
                    found[f"{operation.method} {operation.path}: {name}"] = (answer.status_code, answer.text)
        return found

    return refused


def _said(answer, field):
    """The code of a problem, and whether it names the field alone."""
    problem = answer.json() if answer.content and answer.is_error else {}
    if field is None:
        return (problem.get("code"),)
    return problem.get("code"), {entry["loc"][-1] for entry in problem.get("errors", ())} == {field}


@pytest.fixture(autouse=True)
async def unchanged(service, ask):
    """After every test of this file each table is as it was before."""

    async def tables():
        named = await service.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return {
            name: await service.sql(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {name} t")
            for (name,) in named
            if name not in LEFT_OUT
        }

    before = await tables()
    yield
    after = await tables()
    assert len(before) > 5
    assert {name for name in before if before[name] != after[name]} == set()


class TestAMember:
    async def test_has_its_type(self, refused):
        """Neither 1 nor "true" is true, and NaN is no number; the answer names the member."""
        assert await refused(lambda one: one.wrong_types(), 422, "validation_error", True) == {}

    async def test_is_text_for_everybody(self, refused):
        """NUL, half a surrogate pair, 15 000 characters, and a second line in an address or a name."""
        assert await refused(lambda one: one.odd_texts(), 422, "validation_error", True) == {}

    async def test_is_there_and_known(self, refused):
        """None is missing, and there is none that would set what nobody may set."""
        assert await refused(lambda one: one.incomplete(), 422, "validation_error", True) == {}


class TestABody:
    async def test_is_json(self, refused):
        """400 whatever is wrong with it: its end, its encoding, or fifteen thousand brackets."""
        bodies = {name: (None, body) for name, body in MALFORMED.items()}

        assert await refused(lambda _: bodies, 400, "malformed_json") == {}

    async def test_is_an_object(self, refused):
        """What is JSON and no object is refused too; nothing at all may be no body."""

        def bodies(operation):
            kept = {name: body for name, body in NO_OBJECTS.items() if operation.required or name != "null"}
            return {name: (None, body) for name, body in kept.items()}

        assert await refused(bodies, 422, "validation_error") == {}

    async def test_is_no_megabyte(self, operations, ask):
        """Bodies end at 16 KiB, declared or counted, in a member or in space around them."""
        text = "x" * 1_048_576

        async def chunks(body):
            for start in range(0, len(body), 65_536):
                yield body[start : start + 65_536]

        for operation in operations:
            for body in (operation.body(password=f'"{text}"'), operation.body() + b" " * 1_048_576):
                assert_problem(await ask(operation, body), 413, "body_too_large")
                assert_problem(await ask(operation, chunks(body)), 413, "body_too_large")

    async def test_is_never_repeated(self, operations, ask):
        """A refusal says which member is wrong, and not what somebody has typed there."""
        for operation in operations:
            body = json.dumps({field.name: ["canary of a body"] for field in operation.fields} | {"x": "canary"})

            answer = await ask(operation, body.encode())

            assert_problem(answer, 422, "validation_error")
            assert "canary" not in answer.text


class TestALieAboutTheHost:
    async def test_changes_no_answer(self, operations, ask):
        """Who says that he came by another name, path or method gets the same answer, in which that is not."""
        for operation in operations:
            plain = await ask(operation, b"[]")
            for name, lie in LIES.items():
                answer = await ask(operation, b"[]", **{name: lie})

                assert (answer.status_code, answer.json()["code"]) == (plain.status_code, plain.json()["code"])
                assert "evil" not in f"{answer.headers}{answer.text}", (operation.path, name)


class TestAnId:
    async def test_is_one(self, service, client, app_of_ada):
        """What is no UUID, or nobody's, is no address: nothing is found, and nothing fails."""
        document = service.app.openapi()["paths"]
        paths = [(path, method) for path in document if "{" in path for method in document[path]]
        assert paths
        for path, method in paths:
            for odd in ("x", "%00", "0", "%ff", "..%2f..", "%27%20OR%201=1", "%F0%9F%98%80", "1" * 5000, "{}", "null"):
                address = path[: path.index("{")] + odd + path[path.index("}") + 1 :]
                answer = await client.request(method.upper(), address, headers=app_of_ada.bearer)

                assert answer.status_code in {400, 404, 422}, (address, answer.text)
                assert answer.json()["code"]
