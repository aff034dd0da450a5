"""What Alembic runs: the tables of this service, by the way that all services migrate."""

from shared.migrations import migrate
from todo_service.changes.models import UserStream
from todo_service.notifications.models import Outbox
from todo_service.todos.models import Todo

__all__: list[str] = []

# Importing a model is what puts its table into the metadata, which they share.
assert Outbox.metadata is UserStream.metadata is Todo.metadata
migrate(Todo.metadata)
