"""What the mails say: a subject and a text for each kind.

No text holds anything that its sender has typed, so that nobody can write to strangers through us; links lead to
APP_URL alone.
"""

from dataclasses import dataclass
from datetime import datetime

__all__ = [
    "Text",
    "Texts",
]

IF_NOT_YOU = "If it was not you, reset your password now: {app}/forgot-password"


@dataclass(frozen=True, slots=True)
class Text:
    """A subject, and what stands below it."""

    subject: str
    text: str


class Texts:
    """The mails, with links to the frontend at `app_url`."""

    def __init__(self, app_url: str) -> None:
        self._app = app_url

    def verify(self, token: str) -> Text:
        """Write to somebody who has registered, or shows their address later."""
        return Text(
            "Confirm your e-mail address",
            "Welcome! Follow this link to confirm your e-mail address:\n\n"
            f"{self._link('verify-email', token)}\n\n"
            "It works for 24 hours. If you did not ask for it, you need not do anything.\n",
        )

    def has_account(self) -> Text:
        """Write to an address that somebody has tried to use for another account."""
        return Text(
            "You already have an account",
            "Somebody has tried to use this e-mail address for an account, and it has one already.\n\n"
            f"If it was you, log in: {self._app}/login\n"
            f"Forgotten your password? {self._app}/forgot-password\n\n"
            "If it was not you, you need not do anything.\n",
        )

    def reset_password(self, token: str) -> Text:
        """Write to somebody who has forgotten their password."""
        return Text(
            "Reset your password",
            "Follow this link to choose a new password:\n\n"
            f"{self._link('reset-password', token)}\n\n"
            "It works for 30 minutes, and once. If you did not ask for it, you need not do anything.\n",
        )

    def password_changed(self) -> Text:
        """Write to somebody whose password is a new one."""
        return self._notice("Your password was changed", "The password of your account was changed just now.")

    def change_email(self, token: str) -> Text:
        """Write to the address that an account is to have from now on."""
        return Text(
            "Confirm your new e-mail address",
            "Follow this link, where you are logged in, to use this address for your account from now on:\n\n"
            f"{self._link('confirm-email', token)}\n\n"
            "It works for one hour. If you did not ask for it, you need not do anything.\n",
        )

    def email_change_asked(self) -> Text:
        """Write to the address that an account has, while it is to get another one."""
        return self._notice(
            "A new e-mail address for your account",
            "Somebody who is logged in to your account wants it to have another e-mail address.\n"
            "It changes when they follow the link that we have sent there.",
        )

    def email_changed(self) -> Text:
        """Write to the address that an account had until now."""
        return Text(
            "Your e-mail address was changed",
            "Your account has another e-mail address now, and this one is no longer used.\n\n"
            "If it was not you, answer to whoever runs this service at once.\n",
        )

    def refresh_reuse(self) -> Text:
        """Write to somebody whose session was ended because two have used its token."""
        return self._notice(
            "We have logged out one of your devices",
            "The login of one of your devices was used from two places, as if it had been copied.\n"
            "To be safe we have ended it: please log in there again.",
        )

    def guessing(self) -> Text:
        """Write to somebody whose password is being guessed at."""
        return Text(
            "Somebody is guessing your password",
            "There were many logins to your account with a wrong password. None of them got in.\n"
            "From now on only devices that you have used before can log in.\n\n"
            f"On a new device, reset your password first: {self._app}/forgot-password\n",
        )

    def deletion_asked(self, purge_after: datetime) -> Text:
        """Write to somebody who has deleted their account."""
        return Text(
            "Your account will be deleted",
            f"Your account and all that is in it will be deleted on {purge_after:%d %B %Y}.\n\n"
            f"If you want to keep it, log in before then: {self._app}/login\n",
        )

    def restored(self) -> Text:
        """Write to somebody who has come back in time."""
        return self._notice("Your account stays", "You have logged in again: your account will not be deleted.")

    def _notice(self, subject: str, what: str) -> Text:
        return Text(subject, f"{what}\n\n{IF_NOT_YOU.format(app=self._app)}\n")

    def _link(self, page: str, token: str) -> str:
        # A fragment is never sent to a server, so it stands in no log and no Referer (RFC 9110 section 10.1.3).
        return f"{self._app}/{page}#token={token}"
