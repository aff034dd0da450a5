"""Requests that may come twice: a client that heard no answer sends its `Idempotency-Key` again, and it counts once."""

from todo_service.changes.idempotency.dependencies import IDEMPOTENCY_KEY, OF_KEYS, REPLAYED, Once

__all__ = ["IDEMPOTENCY_KEY", "OF_KEYS", "REPLAYED", "Once"]
