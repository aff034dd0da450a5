"""Which new todos are announced, and to whom."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.tokens import Principal
from todo_service.notifications import todo_created

LONG = f"{'a' * 242}@example.com"


def created_by(email):
    """The announcement of a new todo of a user whose token names this address."""
    return todo_created(Principal("ada", None, email), uuid4(), "Buy milk", datetime.now(UTC))


class TestAnnouncingATodo:
    def test_holds_what_the_mail_needs(self):
        """The payload is the todo's id and title and the owner's address; the key begins with the owner."""
        values = created_by("ada@example.com").insert().compile().params

        assert (values["user_id"], values["stream"], values["type"]) == ("ada", "todo:events", "todo.created")
        assert values["payload"]["title"] == "Buy milk"
        assert values["payload"]["email"] == "ada@example.com"
        assert set(values["payload"]) == {"todo_id", "title", "email", "context"}

    def test_is_the_same_row_by_either_statement(self):
        """The statement that is built once records what the other one does."""
        announcement = created_by("ada@example.com")
        alone, hung = announcement.insert().compile().params, announcement.values()

        assert {f"event_{name}" for name in alone} == set(hung)
        assert hung["event_payload"] == alone["payload"]

    @pytest.mark.parametrize("email", ["ada@example.com", "o'neill+x@localhost", "ädä@bücher.example", LONG])
    def test_addresses(self, email):
        """One `@`, at most 254 characters: enough for an address."""
        assert len(email) <= 254
        assert created_by(email) is not None

    @pytest.mark.parametrize(
        "email",
        [None, "", "ada", "@", "ada@", "@example.com", "a@b@c", "a@b,c", "a@b\r\nc", "a b@c", "<a@b>", "x" + LONG],
    )
    def test_no_address(self, email):
        """Without an address that mail can be sent to, there is no event: nobody would consume it."""
        assert created_by(email) is None
