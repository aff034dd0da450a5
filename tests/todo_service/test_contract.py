"""The OpenAPI document, and the running service held to it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from devstack.members import UVICORN_FLAGS
from devstack.ports import free_ports
from tests.servers import NewDatabase
from tests.todo_service.harness import NOWHERE, SECRET, token

ROUTES = {
    "/todos": {"get", "post"},
    "/todos/bulk": {"post"},
    "/todos/{todo_id}": {"get", "patch", "delete"},
    "/todos/{todo_id}/restore": {"post"},
    "/trash": {"get", "delete"},
    "/changes": {"get"},
    "/events": {"get"},
    "/events/ticket": {"post"},
    "/health": {"get"},
    "/livez": {"get"},
    "/readyz": {"get"},
}
PARAMETERS = {
    "completed", "priority", "priority_gte", "priority_lte", "search", "sort", "limit", "skip", "cursor", "count",
}  # fmt: skip


@pytest.fixture
async def service_url(migrated_database: NewDatabase, redis_url: str) -> AsyncIterator[str]:
    """A service in a process of its own, started by the command of its image."""
    [port] = free_ports(1)
    environment = {
        "ENVIRONMENT": "development",
        "PUBLIC_URL": "http://localhost:8080",
        "DATABASE_URL": await migrated_database("todo"),
        "REDIS_URL": redis_url,
        "AUTH_JWKS_URL": NOWHERE,
        "BETTER_AUTH_SECRET": SECRET,
        "ADMIN_PORT": "0",
        "LOG_LEVEL": "warning",
        "PATH": os.environ["PATH"],
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "--factory", "todo_service.main:create_app", "--port", str(port)),
        *UVICORN_FLAGS,
        env=environment,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(30), httpx.AsyncClient() as client:
            while not await answers(client, f"{url}/readyz"):
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def answers(client: httpx.AsyncClient, url: str) -> bool:
    """Return whether somebody says 200 there."""
    try:
        return (await client.get(url)).status_code == 200
    except httpx.TransportError:
        return False


class TestTheService:
    async def test_keeps_what_its_document_says(self, service_url):
        """Examples, boundary values, random ones and chains of calls: no 5xx, and every answer matches its schema."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", f"{service_url}/openapi.json",
            "-H", f"Authorization: Bearer {token('fuzz')}",
            # A cursor of any text is allowed by its schema, and refused when it is nobody's.
            "--exclude-checks", "positive_data_acceptance",
            # A stream of events has no end to wait for; tests/todo_service/events reads it.
            "--exclude-path", "/events",
            "--seed", "1", "-n", "12", "--max-failures", "3", "--generation-database", "none",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(90):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

        assert process.returncode == 0, output.decode()


class TestTheDocument:
    @pytest.fixture
    async def document(self, nobody):
        return (await nobody.get("/openapi.json")).json()

    async def test_names_every_route_once(self, document):
        """Without the second spelling."""
        assert {path: set(methods) for path, methods in document["paths"].items()} == ROUTES

    async def test_describes_every_parameter_of_the_list(self, document):
        """Each has words, and a type that is never null."""
        listed = {parameter["name"]: parameter for parameter in document["paths"]["/todos"]["get"]["parameters"]}

        assert set(listed) == PARAMETERS
        assert all(parameter["description"] and "anyOf" not in parameter["schema"] for parameter in listed.values())
        assert listed["limit"]["schema"] == {
            "default": 100,
            "maximum": 200,
            "minimum": 1,
            "title": "Limit",
            "type": "integer",
        }
        assert listed["priority"]["schema"]["items"]["maximum"] == 5

    async def test_shows_lists_as_arrays_of_todos(self, document):
        """And the headers that come with them."""
        answer = document["paths"]["/todos"]["get"]["responses"]["200"]

        assert answer["content"]["application/json"]["schema"]["items"] == {"$ref": "#/components/schemas/TodoPublic"}
        assert set(answer["headers"]) == {"ETag", "X-Next-Cursor", "Link", "X-Total-Count"}

    async def test_says_which_routes_take_a_key(self, document):
        """And that their answer tells a replay."""
        operations = [(path, how) for path, methods in document["paths"].items() for how in methods.values()]
        taking = {
            path: how["responses"]
            for path, how in operations
            if any(one["name"] == "Idempotency-Key" for one in how.get("parameters", ()))
        }

        assert set(taking) == {"/todos", "/todos/bulk", "/todos/{todo_id}/restore"}
        for responses in taking.values():
            done = [responses[status] for status in responses if status.startswith("2")]
            assert all("Idempotency-Replayed" in one["headers"] for one in done)
            assert "idempotency_key_reused" in responses["422"]["description"]
            assert "invalid_idempotency_key" in responses["400"]["description"]

    async def test_makes_the_optional_fields_of_a_patch_not_nullable(self, document):
        """A generated client has `title?: string`, and `description?: string | null`."""
        patch = document["components"]["schemas"]["TodoPatch"]

        assert "required" not in patch
        assert patch["properties"]["title"]["type"] == "string"
        assert {"type": "null"} in patch["properties"]["description"]["anyOf"]
        assert {name for name, schema in patch["properties"].items() if schema.get("readOnly")} == {
            "id", "user_id", "completed_at", "created_at", "updated_at", "deleted_at",
        }  # fmt: skip

    async def test_tells_the_operations_of_a_bulk_apart_by_op(self, document):
        """A generated client has a union of four types, and the bodies in them are those of the single calls."""
        schemas = document["components"]["schemas"]
        operations = schemas["Bulk"]["properties"]["operations"]

        assert (operations["minItems"], operations["maxItems"]) == (1, 100)
        assert operations["items"]["discriminator"]["propertyName"] == "op"
        named = {op: ref.rpartition("/")[2] for op, ref in operations["items"]["discriminator"]["mapping"].items()}
        assert set(named) == {"create", "update", "delete", "restore"}
        for op, body in {"create": "TodoCreate", "update": "TodoPatch"}.items():
            properties = schemas[named[op]]["properties"]
            assert properties["op"]["const"] == op
            assert properties["data"] == {"$ref": f"#/components/schemas/{body}"}

    async def test_shows_a_bulk_of_each_mode(self, document):
        """One that is all or nothing, and the queue of a device."""
        content = document["paths"]["/todos/bulk"]["post"]["requestBody"]["content"]["application/json"]

        modes = {name: example["value"].get("mode") for name, example in content["examples"].items()}
        assert modes == {"atomic": None, "independent": "independent"}
        assert set(document["paths"]["/todos/bulk"]["post"]["responses"]) >= {"200", "207", "413", "422"}

    async def test_lets_the_docs_page_authorize(self, document):
        """All routes of todos share one bearer scheme."""
        assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
        assert all(
            operation["security"] == [{"HTTPBearer": []}]
            for path in ("/todos", "/todos/bulk", "/todos/{todo_id}")
            for operation in document["paths"][path].values()
        )

    async def test_lists_every_code_as_a_problem(self, document):
        """A refusal is `application/problem+json` with the codes that it can have."""
        responses = document["paths"]["/todos"]["post"]["responses"]

        assert set(responses) == {"201", "400", "401", "403", "409", "413", "415", "422", "503"}
        schema = responses["409"]["content"]["application/problem+json"]["schema"]
        assert schema["properties"]["code"]["enum"] == ["id_taken"]
