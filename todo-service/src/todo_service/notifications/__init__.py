"""Mails about todos. Other features may call `todo_created`, and hang `ANY` on a statement of theirs."""

from todo_service.notifications.events import ANY, Announcement, todo_created

__all__ = ["ANY", "Announcement", "todo_created"]
