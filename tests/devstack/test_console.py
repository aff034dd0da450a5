"""The one log stream, as people see it."""

import io

from devstack.console import Console


class TestColours:
    def test_is_coloured_on_terminals_only(self):
        """A terminal gets colours unless NO_COLOR is set, a file never."""

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        terminal, plain, asked = Terminal(), io.StringIO(), Terminal()

        Console(terminal, {}).say("hello")
        Console(plain, {}).say("hello")
        Console(asked, {"NO_COLOR": "1"}).say("hello")

        assert "\x1b[" in terminal.getvalue()
        assert plain.getvalue() == asked.getvalue() == "devstack     | hello\n"
