"""What is written down."""

from enum import StrEnum

__all__ = ["Actor", "Audited"]


class Audited(StrEnum):
    """What happened."""

    REGISTERED = "registered"
    VERIFIED = "verified"
    LOGIN = "login"
    LOGIN_FAILED = "login_failed"
    THROTTLED = "throttled"
    REFRESH_REUSE = "refresh_reuse"
    LOGOUT = "logout"
    SESSION_ENDED = "session_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # what happened
    PASSWORD_RESET = "password_reset"  # noqa: S105  # what happened
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    DELETION_ASKED = "deletion_asked"
    RESTORED = "restored"
    PURGED = "purged"
    KEY_ROTATED = "key_rotated"
    KEY_RETIRED = "key_retired"

    @property
    def is_refusal(self) -> bool:
        """Whether somebody did not get what they asked for."""
        return self in {Audited.LOGIN_FAILED, Audited.THROTTLED, Audited.REFRESH_REUSE}


class Actor(StrEnum):
    """Who did it: whoever sent a request, the worker by itself, or an operator by a command."""

    CLIENT = "client"
    WORKER = "worker"
    OPERATOR = "operator"
