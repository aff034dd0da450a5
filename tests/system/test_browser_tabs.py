"""Two tabs of one browser show each other's changes, by EventSource through the gateway (`make browser`)."""

from pathlib import Path

import pytest

from tests.system.browser import results_of

pytestmark = pytest.mark.browser

PAGE = Path(__file__).with_name("tabs.html")
WITHIN_MILLISECONDS = 500


@pytest.fixture(scope="module")
def tabs(running_set):
    """What each of the two tabs showed, and how soon the other showed what it wrote."""
    api = running_set.url.replace("127.0.0.1", "localhost")
    return results_of(PAGE, {"api": api}, "--disable-popup-blocking")


class TestTwoTabs:
    @pytest.mark.parametrize("writer", ["one", "two"])
    def test_each_shows_the_others_changes(self, tabs, writer):
        """From the click in one tab to the line in the other it takes half a second at most, ten times out of ten."""
        milliseconds = tabs[writer]["milliseconds"]

        assert len(milliseconds) == 10
        assert max(milliseconds) < WITHIN_MILLISECONDS, milliseconds

    def test_both_show_the_same(self, tabs):
        """In the end each tab shows all that both wrote."""
        written = sorted(f"{writer} {number}" for writer in ("one", "two") for number in range(10))

        assert tabs["one"]["lines"] == tabs["two"]["lines"] == written
