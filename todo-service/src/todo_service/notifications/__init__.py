"""Mails about todos. Other features may call `todo_created` and `todos_created`, and hang `ANY` on their statements."""

from todo_service.notifications.events import ANY, Announcement, todo_created, todos_created

__all__ = ["ANY", "Announcement", "todo_created", "todos_created"]
