"""Mails about todos. `todo_created` is what the other features may call."""

from todo_service.notifications.events import todo_created

__all__ = ["todo_created"]
