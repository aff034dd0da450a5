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
            *("register", "verify_email", "resend_verification", "login", "refresh", "logout", "logout_all"),
            *("change_password", "forgot_password", "reset_password"),
            *("read_me", "list_sessions", "end_session", "read_jwks"),
            *("change_me", "delete_me", "change_email", "confirm_email_change"),
            *("exchange_token", "revoke_token", "introspect_token", "read_metadata"),
        }

    def test_explains_every_operation(self, operations):
        """Each has a summary, a description and a word on its answer."""
        for operation in operations.values():
            assert operation["summary"]
            assert len(operation["description"]) > 40
            assert all(answer["description"] != "Successful Response" for answer in operation["responses"].values())

    def test_shows_errors_as_they_are(self, document, operations):
        """Every error is a problem, or 400 and 401 at OAuth's addresses in its words; none has FastAPI's shape."""
        for operation in operations.values():
            in_oauth = {"400", "401"} if operation["tags"] == ["oauth"] else set()
            for status, answer in operation["responses"].items():
                if int(status) >= 400:
                    kind = "application/json" if status in in_oauth else "application/problem+json"
                    assert list(answer["content"]) == [kind]

        assert "HTTPValidationError" not in str(operations)

    def test_shows_forms_as_forms(self, operations):
        """With the parameters that each takes."""
        for name in ("exchange_token", "revoke_token", "introspect_token"):
            (kind, body), *others = operations[name]["requestBody"]["content"].items()
            assert (kind, others) == ("application/x-www-form-urlencoded", [])
            assert set(body["schema"]["required"]) in ({"token"}, {"grant_type", "client_id", "refresh_token"})

    def test_says_who_needs_a_token(self, operations):
        """Your account and your sessions do; logging out and verifying may bring one; a service brings its secret."""
        asked = {name: operation.get("security") for name, operation in operations.items()}

        for name in ("read_me", "list_sessions", "end_session", "logout_all", "change_password"):
            assert asked.pop(name) == [{"HTTPBearer": []}]
        for name in ("logout", "verify_email"):
            assert asked.pop(name) == [{"HTTPBearer": []}, {}]
        for name in ("change_me", "delete_me", "change_email", "confirm_email_change"):
            assert asked.pop(name) == [{"HTTPBearer": []}]
        assert asked.pop("introspect_token") == [{"HTTPBasic": []}]
        assert set(asked.values()) == {None}

    def test_shows_both_answers_to_a_registration(self, operations):
        """Which of them comes is a setting's matter: a client has to know both."""
        answers = operations["register"]["responses"]

        schemas = [answers[status]["content"]["application/json"]["schema"]["$ref"] for status in ("201", "202")]
        assert [schema.rpartition("/")[2] for schema in schemas] == ["TokenResponse", "VerificationSent"]
        assert {"200", "204"} <= set(operations["verify_email"]["responses"])

    def test_shows_what_a_link_is_followed_with(self, document):
        """The page offers a body like a real one, where it would else say `string`."""
        for name in ("Verification", "PasswordReset", "EmailConfirmation"):
            assert document["components"]["schemas"][name]["properties"]["token"]["examples"][0].startswith("ot1.")
