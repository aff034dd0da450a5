"""Which new todos are announced, and to whom."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from shared.tokens import Principal
from todo_service.notifications import todo_created, todos_created

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


class TestAnnouncingTodos:
    def test_is_one_event_with_the_first_titles(self):
        """It holds how many there are, and the titles of twenty."""
        titles = {uuid4(): f"todo {number}" for number in range(30)}

        announcement = todos_created(Principal("ada", None, "ada@example.com"), titles, datetime.now(UTC))

        values = announcement.insert().compile().params
        assert (values["user_id"], values["stream"], values["type"]) == ("ada", "todo:events", "todos.created")
        del values["payload"]["context"]
        assert values["payload"] == {"count": 30, "titles": list(titles.values())[:20], "email": "ada@example.com"}

    def test_of_a_single_one_is_as_ever(self):
        """One todo is announced as if it had been created alone."""
        todo_id = uuid4()

        announcement = todos_created(Principal("ada", None, "ada@example.com"), {todo_id: "x"}, datetime.now(UTC))

        assert announcement.event.type == "todo.created"
        assert announcement.event.payload == {"todo_id": str(todo_id), "title": "x", "email": "ada@example.com"}

    @pytest.mark.parametrize(("count", "email"), [(0, "ada@example.com"), (2, None)])
    def test_of_none_or_to_nobody(self, count, email):
        """Without a new todo, or an address, there is nothing to tell."""
        titles = {uuid4(): "x" for _ in range(count)}

        assert todos_created(Principal("ada", None, email), titles, datetime.now(UTC)) is None
