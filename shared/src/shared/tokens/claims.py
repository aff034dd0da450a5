"""Reading the claims of a verified payload, each as the type that it must have."""

import re

from shared.tokens.errors import InvalidToken, Reason
from shared.tokens.strict import parse_object

__all__ = ["Claims"]

MAX_SUBJECT_CHARACTERS = 255
# Whole seconds beyond this are no floats any more, and no dates either.
MAX_TIME = 2**53

_UNFIT_FOR_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Claims:
    """The members of a verified payload. Every reader raises `InvalidToken` for a claim of the wrong type."""

    def __init__(self, payload: bytes) -> None:
        """Parse `payload`; raises as `parse_object` does."""
        self._members = parse_object(payload)

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str) -> str:
        """Return a string without control characters and lone surrogates; it must be there."""
        value = self._members.get(name)
        if not isinstance(value, str) or _UNFIT_FOR_TEXT.search(value):
            raise InvalidToken(Reason.CLAIMS)
        return value

    def subject(self) -> str:
        """Return `sub`, of 1 to 255 characters."""
        subject = self.text("sub")
        if not 1 <= len(subject) <= MAX_SUBJECT_CHARACTERS:
            raise InvalidToken(Reason.CLAIMS)
        return subject

    def whole(self, name: str) -> int:
        """Return an integer; it must be there."""
        value = self._members.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not -MAX_TIME <= value <= MAX_TIME:
            raise InvalidToken(Reason.CLAIMS)
        return value

    def instant(self, name: str) -> float:
        """Return a finite number, RFC 7519's NumericDate; it must be there."""
        value = self._members.get(name)
        # Neither NaN nor an infinity, such as 1e999, passes this comparison.
        if isinstance(value, bool) or not isinstance(value, int | float) or not -MAX_TIME <= value <= MAX_TIME:
            raise InvalidToken(Reason.CLAIMS)
        return value

    def scopes(self) -> frozenset[str]:
        """Return the words of `scope` (RFC 6749 section 3.3); it must be there."""
        return frozenset(word for word in self.text("scope").split(" ") if word)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, empty when the claim is missing."""
        values = self._members.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidToken(Reason.CLAIMS)
        return tuple(values)

    def says(self, name: str, expected: str) -> bool:
        """Whether the claim is exactly this string."""
        return self._members.get(name) == expected

    def addresses(self, audience: str) -> bool:
        """Whether `aud` is this string or a list that holds it (RFC 7519 section 4.1.3)."""
        found = self._members.get("aud")
        return found == audience or (isinstance(found, list) and audience in found)

    def confirms_email(self) -> bool | None:
        """Whether the issuer has verified the address, None when it does not say; only a true `true` confirms."""
        answers = [self._members[name] for name in ("email_verified", "emailVerified") if name in self._members]
        return all(answer is True for answer in answers) if answers else None
