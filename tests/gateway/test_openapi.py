"""The merged document: what clients can call through the gateway, and nothing else."""

import json

from gateway.configuration.config import Config
from gateway.openapi.merging import Json, merge

FREE = {"auth": "none", "limit": "few"}

CONFIG = Config.model_validate(
    {
        "docs": {"title": "Things", "introduction": "Hello."},
        "upstreams": {"auth": {"url": "http://auth"}, "todo": {"url": "http://todo"}},
        "limits": {"few": {"key": "ip", "rate": 1, "burst": 1}},
        "routes": [
            {
                "path": "/auth",
                "upstream": "auth",
                "methods": ["GET", "POST"],
                "auth": "none",
                "limit": "few",
                "max_body": 1,
            },
            {"path": "/todos", "upstream": "todo", "methods": ["GET"], "auth": "none", "limit": "few", "max_body": 1},
        ],
    }
)
ITEM = {"$ref": "#/components/schemas/Item"}


def document(paths: dict[str, Json], item: Json, scheme: str = "HTTPBearer") -> Json:
    return {
        "openapi": "3.1.0",
        "paths": paths,
        "components": {
            "schemas": {"Item": item, "Same": {"type": "string"}},
            "securitySchemes": {scheme: {"type": "http", "scheme": "bearer"}},
        },
    }


def operation(name: str, scheme: str = "HTTPBearer") -> dict[str, Json]:
    answer: Json = {"200": {"content": {"application/json": {"schema": ITEM}}}}
    return {"operationId": name, "responses": answer, "security": [{scheme: []}]}


AUTH = document(
    {"/auth/login": {"post": {**operation("login"), "requestBody": {}}}, "/health": {"get": operation("health")}},
    {"type": "object"},
)
TODO = document(
    {"/todos/{todo_id}": {"get": operation("read", "Other"), "delete": operation("delete", "Other")}},
    {"type": "integer"},
    "Other",
)
OWN: Json = {"paths": {"/health": {"get": {"operationId": "h", "responses": {}}}}}


def dig(value: Json, *keys: str) -> Json:
    for key in keys:
        assert isinstance(value, dict)
        value = value[key]
    return value


class TestMerging:
    merged = merge(CONFIG, {"auth": AUTH, "todo": TODO}, OWN)

    def test_has_what_routes_expose(self) -> None:
        """Paths and methods without a route are left out; the gateway's own are there."""
        paths = dig(self.merged, "paths")

        assert isinstance(paths, dict)
        assert sorted(paths) == ["/auth/login", "/health", "/todos/{todo_id}"]
        assert list(dig(paths, "/todos/{todo_id}") or {}) == ["get"]
        assert dig(paths, "/health", "get", "operationId") == "h"

    def test_names_with_two_meanings(self) -> None:
        """They get the service's name, and every reference follows; equal ones are shared."""
        schemas = dig(self.merged, "components", "schemas")
        answer = ("responses", "200", "content", "application/json", "schema", "$ref")

        assert schemas == {
            "Auth_Item": {"type": "object"},
            "Todo_Item": {"type": "integer"},
            "Same": {"type": "string"},
        }
        login = dig(self.merged, "paths", "/auth/login", "post", *answer)
        assert login == "#/components/schemas/Auth_Item"
        assert dig(self.merged, "paths", "/todos/{todo_id}", "get", *answer) == "#/components/schemas/Todo_Item"

    def test_one_bearer_scheme(self) -> None:
        """One "Authorize" serves all services, whatever they call it."""
        assert dig(self.merged, "components", "securitySchemes") == {"bearer": {"type": "http", "scheme": "bearer"}}
        for path, method in (("/auth/login", "post"), ("/todos/{todo_id}", "get")):
            assert dig(self.merged, "paths", path, method, "security") == [{"bearer": []}]

    def test_the_gateways_own_answers(self) -> None:
        """Operations list the gateway's problems, and every reference leads somewhere."""
        responses = dig(self.merged, "paths", "/auth/login", "post", "responses")

        assert isinstance(responses, dict)
        assert set(responses) == {"200", "403", "413", "429", "502", "504"}
        text = json.dumps(self.merged)
        for section, entries in (dig(self.merged, "components") or {}).items():
            for name in entries:
                text = text.replace(f'"#/components/{section}/{name}"', "")
        assert "#/components/" not in text

    def test_limits(self) -> None:
        """Successes and the refusal of one too many say where the client stands, and the refusal when to come again."""
        success = dig(self.merged, "paths", "/todos/{todo_id}", "get", "responses", "200", "headers")
        refusal = dig(self.merged, "components", "responses", "Gateway429", "headers")

        assert isinstance(success, dict)
        assert isinstance(refusal, dict)
        assert set(success) == {"RateLimit", "RateLimit-Policy"}
        assert set(refusal) == {"RateLimit", "RateLimit-Policy", "Retry-After"}

    def test_operation_ids(self) -> None:
        """Two services may use one name for an operation."""
        assert dig(self.merged, "paths", "/auth/login", "post", "operationId") == "auth_login"

    def test_addresses_are_the_gateways(self) -> None:
        """Requests of the docs page go to where the page came from."""
        assert self.merged["servers"] == [{"url": "/"}]


class TestMissingService:
    def test_is_a_note(self) -> None:
        """The rest is described all the same, and it says what is missing."""
        merged = merge(CONFIG, {"auth": None, "todo": TODO}, OWN)

        assert list(dig(merged, "paths") or {}) == ["/todos/{todo_id}", "/health"]
        assert "**auth** does not answer" in str(dig(merged, "info", "description"))

    def test_all_missing(self) -> None:
        """Without any service there is still a document."""
        merged = merge(CONFIG, {"auth": None, "todo": None}, OWN)

        assert list(dig(merged, "paths") or {}) == ["/health"]
