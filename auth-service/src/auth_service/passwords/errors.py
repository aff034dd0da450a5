"""What can be wrong with a password, or with hashing it now."""

from shared.problems import BadRequest, Unavailable, Unprocessable

__all__ = ["CurrentPasswordInvalid", "Overloaded", "WeakPassword"]


class CurrentPasswordInvalid(BadRequest):
    """The present password of the account is another one."""

    code, title = "current_password_invalid", "Wrong current password"


class WeakPassword(Unprocessable):
    """This password may not be chosen; `reason` is `too_short`, `too_long`, `common`, `too_simple` or `personal`."""

    code, title = "weak_password", "Password not acceptable"


class Overloaded(Unavailable):
    """Too many people log in at this moment. Try again soon."""

    code, title = "overloaded", "Overloaded"
