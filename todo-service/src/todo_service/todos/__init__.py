"""Todos. `changed_todos` is what the feed of changes may call."""

from todo_service.todos.rendering import changed_todos

__all__ = ["changed_todos"]
