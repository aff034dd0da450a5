"""Why an account cannot be made."""

from shared.problems import Conflict

__all__ = ["EmailTaken"]


class EmailTaken(Conflict):
    """An account with this e-mail address exists. Log in instead."""

    code, title = "email_taken", "E-mail address taken"
