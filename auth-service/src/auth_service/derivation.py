"""Keys for one purpose each, derived from AUTH_SECRET, which itself signs and seals nothing.

Nothing is derived from BETTER_AUTH_SECRET: others hold it too.
"""

from enum import Enum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from auth_service.settings import OwnSecrets

__all__ = ["KEY_BYTES", "Purpose", "derived_keys"]

KEY_BYTES = 32


class Purpose(Enum):
    """What a key is for. The value is its label in HKDF (RFC 5869 section 3.2): changing one voids what it guards."""

    KEY_ENCRYPTION = b"auth-service key-encryption v1"
    REFRESH = b"auth-service refresh v1"
    ONE_TIME = b"auth-service one-time v1"
    DEVICE = b"auth-service device v1"
    THROTTLE = b"auth-service throttle v1"


def derived_keys(settings: OwnSecrets, purpose: Purpose) -> tuple[bytes, ...]:
    """Return the 32-byte keys for `purpose`: that of AUTH_SECRET, then that of AUTH_SECRET_PREVIOUS if it is set."""
    secrets = (settings.auth_secret, settings.auth_secret_previous)
    return tuple(_derive(secret.get_secret_value().encode(), purpose) for secret in secrets if secret is not None)


def _derive(secret: bytes, purpose: Purpose) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.value).derive(secret)
