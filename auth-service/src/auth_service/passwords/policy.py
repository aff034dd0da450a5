"""Which passwords may be chosen: long ones that nobody would try first (NIST SP 800-63B section 3.1.1).

No composition rules and no expiry: people meet both with a 1 at the end.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from unicodedata import normalize

from auth_service.passwords.common import common_passwords
from auth_service.passwords.errors import WeakPassword

__all__ = ["MAX_LENGTH", "PasswordPolicy", "composed"]

MAX_LENGTH = 256

FEWEST_CHARACTERS = 5
"""Different ones."""

FEWEST_LEFT = 4
"""Letters and digits, beside the words that anybody would try for this person here."""

SHORTEST_WORD = 4
"""Shorter ones stand in many a good password by chance."""

SERVICE = "todo"


def composed(password: str) -> str:
    """Return the one spelling of what keyboards and systems compose in different ways (RFC 8265 section 4.2)."""
    return normalize("NFC", password)


class PasswordPolicy:
    """The rules for a password that someone chooses at the service on `host`. Nothing is trimmed or cut off."""

    def __init__(self, min_length: int, host: str) -> None:
        self._min_length = min_length
        self._host = host
        self._common = common_passwords()

    def check(self, password: str, *, email: str, name: str | None) -> None:
        """Raise `WeakPassword` unless the person of this address and name may choose `password`."""
        text = composed(password)
        if len(text) < self._min_length:
            raise WeakPassword(f"The password needs at least {self._min_length} characters.", reason="too_short")
        if len(text) > MAX_LENGTH:
            raise WeakPassword(f"The password may have at most {MAX_LENGTH} characters.", reason="too_long")
        folded = text.casefold()
        if folded in self._common:
            raise WeakPassword("This is one of the passwords that everybody tries first.", reason="common")
        if len(set(folded)) < FEWEST_CHARACTERS or _is_run(folded):
            raise WeakPassword("The password repeats or counts on: it is guessed at once.", reason="too_simple")
        if _is_made_of(_words(email.partition("@")[0], name or "", self._host, SERVICE), folded):
            raise WeakPassword(
                "The password says little more than your name, your address or that of this service.", reason="personal"
            )


def _is_run(text: str) -> bool:
    """Whether each character follows the one before, up or down, as in abcdefgh."""
    return {ord(after) - ord(before) for before, after in pairwise(text)} in ({1}, {-1})


def _words(*texts: str) -> Iterator[str]:
    """Give the words of each text, and each text as one word."""
    for text in texts:
        words = re.findall(r"[^\W_]+", composed(text).casefold())
        yield from (word for word in (*words, "".join(words)) if len(word) >= SHORTEST_WORD)


def _is_made_of(words: Iterable[str], text: str) -> bool:
    """Whether `text` has one of the words, and without them hardly anything."""
    left = text
    for word in sorted(words, key=len, reverse=True):
        # A space, so that what stood around the word does not become another one.
        left = left.replace(word, " ")
    return left != text and sum(character.isalnum() for character in left) < FEWEST_LEFT
