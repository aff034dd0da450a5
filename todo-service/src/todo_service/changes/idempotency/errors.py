"""What is refused to a request with a key."""

from shared.problems import BadRequest, Unprocessable

__all__ = ["IdempotencyKeyReused", "InvalidIdempotencyKey"]


class InvalidIdempotencyKey(BadRequest):
    """`Idempotency-Key` must be one key of 1 to 255 visible ASCII characters, with double quotes around it or none."""

    code, title = "invalid_idempotency_key", "Invalid Idempotency-Key"


class IdempotencyKeyReused(Unprocessable):
    """Another request came with this `Idempotency-Key` before. Each request needs a key of its own."""

    code, title = "idempotency_key_reused", "Idempotency-Key reused"
