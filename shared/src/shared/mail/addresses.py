"""Which texts can be written to."""

import re

__all__ = ["is_address"]

MAX_CHARACTERS = 254

# One `@`, and nothing that a header or an SMTP command would read as more than this one address (RFC 5322 section 3.4).
ADDRESS = re.compile(r'[^\s@<>()\[\],;:\\"]+@[^\s@<>()\[\],;:\\"]+')


def is_address(text: str) -> bool:
    """Whether mail can be sent to `text`, as far as its characters tell."""
    return len(text) <= MAX_CHARACTERS and ADDRESS.fullmatch(text) is not None
