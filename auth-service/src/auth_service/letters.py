"""Who gets which letter: what the worker makes of an event that asks for a mail."""

from datetime import datetime, timedelta
from uuid import UUID

from auth_service.accounts import Addressee, Addressees, Applicant
from auth_service.mail import Text, Texts
from auth_service.one_time import OneTimeService, OneTimeTokens, Use
from auth_service.outbox import Mail, Outbox
from shared.database import Session
from shared.mail.smtp import Letter
from shared.outbox import Claimed, Outcome, State, count_alike

__all__ = ["LetterWriter"]

NOBODY = Outcome(State.SKIPPED, "there is nobody to write to")
TOO_LATE = Outcome(State.SKIPPED, "a later mail was asked for, or the link was used")
TOO_MANY = Outcome(State.SKIPPED, "the user has been told so often enough within the hour")
UNKNOWN = Outcome(State.DEAD, "unknown type, or not the payload of its type")

NOTICES = frozenset(Mail) - {Mail.SIGN_UP, Mail.VERIFY_EMAIL, Mail.RESET_PASSWORD, Mail.CHANGE_EMAIL}
"""What follows from something that is done in an account. The other mails are counted where they are asked for."""

MOST_NOTICES, WITHIN = 5, timedelta(hours=1)
"""Of one kind to one user. Else whoever registers a stranger's address, which with EMAIL_VERIFICATION=off anybody can,
could change the password all day and fill their mailbox."""


class LetterWriter:
    """Writes the letters, with links for one use where there is something to prove."""

    def __init__(self, texts: Texts, tokens: OneTimeTokens) -> None:
        self._texts = texts
        self._tokens = tokens

    async def write(self, database: Session, claimed: Claimed) -> Letter | Outcome:
        """Return the letter that the event asks for, or why there is none."""
        try:
            return await _Writing(database, claimed, self._texts, self._tokens).write()
        except (ValueError, KeyError):
            return UNKNOWN


class _Writing:
    """The writing of one letter."""

    def __init__(self, database: Session, claimed: Claimed, texts: Texts, tokens: OneTimeTokens) -> None:
        self._database = database
        self._people = Addressees(database)
        self._one_time = OneTimeService(database, tokens)
        self._event = claimed
        self._texts = texts
        self._tokens = tokens

    async def write(self) -> Letter | Outcome:
        """Return the letter or why there is none; raises ValueError or KeyError when nobody knows the event."""
        mail = Mail(self._event.type)
        return TOO_MANY if mail in NOTICES and await self._is_one_too_many() else await self._write(mail)

    async def _is_one_too_many(self) -> bool:
        return await count_alike(self._database, Outbox, self._event, WITHIN) >= MOST_NOTICES

    async def _write(self, mail: Mail) -> Letter | Outcome:
        match mail:
            case Mail.SIGN_UP:
                return await self._to_applicant()
            case Mail.VERIFY_EMAIL:
                return await self._to_unverified()
            case Mail.RESET_PASSWORD:
                return await self._to_forgetful()
            case Mail.CHANGE_EMAIL:
                return await self._to_new_address()
            case (Mail.EMAIL_CHANGED | Mail.DELETION_ASKED) as farewell:
                return self._to_former_address(farewell)
            case notice:
                user = await self._user()
                return self._letter(user.email, self._notice(notice)) if user else NOBODY

    def _notice(self, mail: Mail) -> Text:
        """Return what is told to a user about their own account."""
        match mail:
            case Mail.EMAIL_CHANGE_ASKED:
                return self._texts.email_change_asked()
            case Mail.PASSWORD_CHANGED:
                return self._texts.password_changed()
            case Mail.REFRESH_REUSE:
                return self._texts.refresh_reuse()
            case Mail.GUESSING:
                return self._texts.guessing()
            case Mail.RESTORED:
                return self._texts.restored()
        raise ValueError(mail)

    async def _to_applicant(self) -> Letter | Outcome:
        applicant = await self._people.applicant(UUID(self._said("registration_id")))
        if owned := await self._people.owner_of(self._said("email")):
            if applicant:
                await self._people.forget(applicant)
            return self._letter(owned, self._texts.has_account())
        return await self._sign_up_link(applicant)

    async def _to_unverified(self) -> Letter | Outcome:
        email = self._said("email")
        user = await self._people.user_at(email)
        if user is None:
            return await self._sign_up_link(await self._people.applicant_at(email))
        if user.is_verified or not user.is_active:
            return NOBODY
        token = await self._mint(user, Use.VERIFY_EMAIL)
        return self._letter(user.email, self._texts.verify(token)) if token else TOO_LATE

    async def _to_forgetful(self) -> Letter | Outcome:
        user = await self._people.user_at(self._said("email"))
        if user is None or not user.can_log_in:
            return NOBODY
        token = await self._mint(user, Use.RESET_PASSWORD)
        return self._letter(user.email, self._texts.reset_password(token)) if token else TOO_LATE

    async def _to_new_address(self) -> Letter | Outcome:
        new_email = self._said("new_email")
        user = await self._user()
        if user is None or not user.is_active:
            return NOBODY
        if owned := await self._people.owner_of(new_email):
            return self._letter(owned, self._texts.has_account())
        token = await self._mint(user, Use.CHANGE_EMAIL, new_email=new_email)
        return self._letter(new_email, self._texts.change_email(token)) if token else TOO_LATE

    def _to_former_address(self, mail: Mail) -> Letter:
        """Return what is told to an address that may have no account by now."""
        if mail is Mail.EMAIL_CHANGED:
            return self._letter(self._said("old_email"), self._texts.email_changed())
        purge_after = datetime.fromisoformat(self._said("purge_after"))
        return self._letter(self._said("email"), self._texts.deletion_asked(purge_after))

    async def _sign_up_link(self, applicant: Applicant | None) -> Letter | Outcome:
        if applicant is None:
            return NOBODY
        # The letter says for how long its link works, also when it is sent again, or SMTP was away for hours.
        await self._people.renew(applicant, Use.SIGN_UP.lifetime)
        token = self._tokens.again(Use.SIGN_UP, applicant.registration_id, digest=applicant.token_hash)
        return self._letter(applicant.email, self._texts.verify(token)) if token else TOO_LATE

    async def _mint(self, user: Addressee, use: Use, **payload: str) -> str | None:
        return await self._one_time.mint(self._event.event_id, user.user_id, use, **payload)

    async def _user(self) -> Addressee | None:
        return await self._people.user(UUID(self._event.user_id))

    def _said(self, name: str) -> str:
        said = self._event.payload[name]
        if not isinstance(said, str):
            raise ValueError(name)  # what a payload says is a value
        return said

    def _letter(self, to: str, what: Text) -> Letter:
        return Letter(id=self._event.event_id, to=to, subject=what.subject, text=what.text)
