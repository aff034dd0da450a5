"""What the service says of itself at /openapi.json."""

import pytest

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


class TestTheDocument:
    @pytest.fixture
    async def document(self, nobody):
        return (await nobody.get("/openapi.json")).json()

    async def test_names_every_route_once(self, document):
        """Without the second spelling."""
        assert {path: set(methods) for path, methods in document["paths"].items()} == ROUTES

    async def test_explains_every_operation(self, document):
        """Each has a summary, a word on its answers, and a heading that says what it is about."""
        named = {tag["name"]: tag["description"] for tag in document["tags"]}
        operations = [how for methods in document["paths"].values() for how in methods.values()]
        ours = [operation for operation in operations if operation["tags"] != ["health"]]

        assert all(how["summary"] != how["operationId"].replace("_", " ").title() for how in operations)
        for operation in ours:
            assert [named[tag] for tag in operation["tags"]]
            assert all(answer["description"] != "Successful Response" for answer in operation["responses"].values())

    async def test_shows_errors_as_they_are(self, document):
        """FastAPI's own shape, which is never sent, appears nowhere."""
        assert "HTTPValidationError" not in str(document)

    async def test_gives_no_example_of_an_optional_parameter(self, document):
        """The docs page would send it: a second create would be one with a used key, and a change one of version 1."""
        operations = [how for methods in document["paths"].values() for how in methods.values()]
        optional = [one for how in operations for one in how.get("parameters", ()) if not one["required"]]

        assert {"Idempotency-Key", "If-Match"} < {one["name"] for one in optional}
        assert not [one["name"] for one in optional if "example" in one or "examples" in one]

    async def test_says_what_opens_a_stream(self, document):
        """A ticket or a token, and where to go on."""
        stream = document["paths"]["/events"]["get"]

        assert stream["security"] == [{"HTTPBearer": []}, {}]
        assert [(one["in"], one["name"]) for one in stream["parameters"]] == [
            ("query", "ticket"),
            ("header", "Last-Event-ID"),
        ]

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
