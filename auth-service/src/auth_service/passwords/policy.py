"""Which passwords may be chosen: long ones. No composition rules and no expiry (NIST SP 800-63B section 3.1.1)."""

from unicodedata import normalize

from auth_service.passwords.errors import WeakPassword

__all__ = ["MAX_LENGTH", "check_chosen", "composed"]

MAX_LENGTH = 256


def composed(password: str) -> str:
    """Return the one spelling of what keyboards and systems compose in different ways (RFC 8265 section 4.2)."""
    return normalize("NFC", password)


def check_chosen(password: str, min_length: int) -> None:
    """Raise `WeakPassword` unless it has `min_length` to 256 code points once composed. Nothing is cut off."""
    length = len(composed(password))
    if length < min_length:
        raise WeakPassword(f"The password needs at least {min_length} characters.", reason="too_short")
    if length > MAX_LENGTH:
        raise WeakPassword(f"The password may have at most {MAX_LENGTH} characters.", reason="too_long")
