"""The one log stream: every line with the name of the process that said it."""

import io
import os
import sys
from collections.abc import Mapping
from typing import TextIO

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_WIDTH = 12


class Console:
    """Writes prefixed lines to `stream`, in colour on a terminal unless NO_COLOR is set (https://no-color.org)."""

    def __init__(self, stream: TextIO = sys.stdout, environment: Mapping[str, str] = os.environ) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environment.get("NO_COLOR")
        self._colours: dict[str, int] = {}

    def say(self, text: str, *, of: str = "devstack") -> None:
        """Write `text`, each line of it with the name of the process that said it."""
        prefix = self._prefix(of)
        self.show("".join(f"{prefix} {line}\n" for line in text.splitlines()))

    def show(self, text: str) -> None:
        """Write `text` as it is. A stream that nobody reads any more is no reason to end: signals are."""
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError:
            self._stream = io.StringIO()

    def _prefix(self, name: str) -> str:
        padded = f"{name:<{_WIDTH}} |"
        if not self._coloured:
            return padded
        colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
        return f"\x1b[{colour}m{padded}\x1b[0m"
