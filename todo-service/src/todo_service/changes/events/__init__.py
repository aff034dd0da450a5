"""Live events: each device hears that something has changed, and pulls what it is from the feed.

`EventHub` has the streams of a process, `events` is their router, and `announce` is what a write calls when it has
raised its user's counter.
"""

from todo_service.changes.events.channels import announce
from todo_service.changes.events.hub import EventHub, Limits
from todo_service.changes.events.routes import router as events

__all__ = ["EventHub", "Limits", "announce", "events"]
