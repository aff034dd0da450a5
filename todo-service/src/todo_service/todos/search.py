"""How texts are compared in search and in sorting by title: without regard to case, accents and spacing."""

import re
import unicodedata

__all__ = ["TITLE_KEY_CHARACTERS", "fold", "search_text", "title_key"]

TITLE_KEY_CHARACTERS = 200
GROWTH, NEVER_CUT_CHARACTERS = 4, 100

# Latin, Greek and Cyrillic accents. No wider: in other scripts combining marks carry vowels and tell words apart.
_ACCENTS = re.compile("[\u0300-\u036f]")


def fold(text: str) -> str:
    """Return `text` as it is compared: `Straße`, `STRASSE` and `strasse` are one, `é` is `e`; spaces are single.

    What has then become more than four times as long is cut.
    """
    # Hangul grows threefold. A thousand U+FDFA, of 18 characters each, would take the time and room of thirty todos.
    most = max(GROWTH * len(text), NEVER_CUT_CHARACTERS)
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text)[:most].casefold())
    return " ".join(_ACCENTS.sub("", decomposed).split())


def title_key(title: str) -> str:
    """Return what a todo is sorted by when titles are."""
    return fold(title)[:TITLE_KEY_CHARACTERS]


def search_text(title: str, description: str | None) -> str:
    """Return what a todo's words are looked for in; the newline keeps a word from spanning both texts."""
    return f"{fold(title)}\n{fold(description or '')}"
