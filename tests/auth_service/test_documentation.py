"""What the service says of itself at /openapi.json."""

import pytest


@pytest.fixture(scope="module")
def document(service):
    return service.app.openapi()


@pytest.fixture(scope="module")
def operations(document):
    """Every operation that people use, by its id."""
    found = [operation for path in document["paths"].values() for operation in path.values()]
    return {operation["operationId"]: operation for operation in found if operation["tags"] != ["health"]}


class TestTheDocumentation:
    def test_names_every_operation(self, operations):
        """Ids are the names that a generated client gives to its functions."""
        assert set(operations) == {
            *("register", "login", "refresh", "logout", "logout_all"),
            *("change_password", "forgot_password", "reset_password"),
            *("read_me", "list_sessions", "end_session", "read_jwks"),
            *("change_me", "delete_me", "change_email", "confirm_email_change"),
        }

    def test_explains_every_operation(self, operations):
        """Each has a summary, a description and a word on its answer."""
        for operation in operations.values():
            assert operation["summary"]
            assert len(operation["description"]) > 40
            assert all(answer["description"] != "Successful Response" for answer in operation["responses"].values())

    def test_shows_errors_as_they_are(self, document, operations):
        """Every error is a problem; FastAPI's own shape, which we never send, appears nowhere."""
        errors = [
            answer["content"]
            for operation in operations.values()
            for status, answer in operation["responses"].items()
            if int(status) >= 400
        ]

        assert all(list(content) == ["application/problem+json"] for content in errors)
        assert "HTTPValidationError" not in str(operations)

    def test_says_who_needs_a_token(self, operations):
        """Your account and your sessions do; logging out may bring one; the others do not."""
        asked = {name: operation.get("security") for name, operation in operations.items()}

        for name in ("read_me", "list_sessions", "end_session", "logout_all", "change_password"):
            assert asked.pop(name) == [{"HTTPBearer": []}]
        for name in ("change_me", "delete_me", "change_email", "confirm_email_change"):
            assert asked.pop(name) == [{"HTTPBearer": []}]
        assert asked.pop("logout") == [{"HTTPBearer": []}, {}]
        assert set(asked.values()) == {None}
