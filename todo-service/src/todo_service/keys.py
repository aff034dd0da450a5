"""How a user is named in Redis."""

from base64 import urlsafe_b64encode
from hashlib import sha256

__all__ = ["user_key"]


def user_key(user_id: str) -> str:
    """Return the part of a key that stands for one user.

    A hash keeps the key short whatever the id is; the braces keep a user's keys on one node of a cluster.
    """
    return f"{{{urlsafe_b64encode(sha256(user_id.encode()).digest()).rstrip(b'=').decode()}}}"
