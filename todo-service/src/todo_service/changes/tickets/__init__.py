"""Tickets: a browser's EventSource cannot send a token, so it shows a secret that opens one stream, once and soon."""

from todo_service.changes.tickets.service import Tickets

__all__ = ["Tickets"]
