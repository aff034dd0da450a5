"""Which passwords may be chosen."""

import sys

import pytest

from auth_service.passwords import PasswordPolicy, WeakPassword
from auth_service.passwords.common import common_passwords

ADA = {"email": "ada.lovelace@example.com", "name": "Ada Lovelace"}


@pytest.fixture(scope="module")
def policy():
    """The rules at https://notes.example."""
    return PasswordPolicy(8, "notes.example")


@pytest.fixture
def refusal(policy):
    """`refusal("…")`: why Ada may not choose this password; None if she may."""

    def refusal(password, **about):
        try:
            policy.check(password, **(ADA | about))
        except WeakPassword as refused:
            return refused.members["reason"]
        return None

    return refusal


class TestACommonPassword:
    def test_is_refused(self, refusal):
        """The 3 000 commonest that are long enough are all refused, and the other eight thousand of the list."""
        common = common_passwords()

        assert len(common) == 11_611
        assert {"password", "12345678", "qwertyuiop", "1qaz2wsx", "trustno1"} < common
        assert [password for password in common if refusal(password) is None] == []

    @pytest.mark.parametrize("password", ["PASSWORD", "TrustNo1", "1QAZ2wsx"])
    def test_is_refused_in_any_case(self, refusal, password):
        """Everybody knows the shift key."""
        assert refusal(password) == "common"

    def test_needs_no_scorer(self):
        """Of the package that has the list, the list alone is in memory."""
        assert [name for name in sys.modules if name.startswith("zxcvbn")] == []


class TestASimplePassword:
    @pytest.mark.parametrize(
        "password", ["a" * 20, "abababab", "ababcdcd" * 5, "abcdefgh", "ihgfedcba", "3456789:;", "АБВГДЕЖЗ"]
    )
    def test_is_refused(self, refusal, password):
        """Fewer than five different characters, or one run up or down the alphabet."""
        assert refusal(password) == "too_simple"

    @pytest.mark.parametrize("password", ["ababcdcde", "abcdefghk", "abcdefgj", "        horse"])
    def test_is_no_more_than_that(self, refusal, password):
        """Five different ones are enough, and a run with anything beside it is none."""
        assert refusal(password) is None


class TestAPersonalPassword:
    @pytest.mark.parametrize(
        "password",
        [
            *("lovelace", "Lovelace1!", "ada lovelace", "adalovelace", "Ada.Lovelace", "!!LOVELACE!!123"),
            *("todotodo12", "Todo-notes-1", "notes.example", "notesexample", "example-todo"),
        ],
    )
    def test_is_refused(self, refusal, password):
        """Name, address, host and "todo" are what is tried first; three more characters do not hide them."""
        assert refusal(password) in {"personal", "common"}

    @pytest.mark.parametrize("password", ["lovelace1815", "adaadaada!bc", "my todo list", "horses for lovelace"])
    def test_may_hold_such_a_word(self, refusal, password):
        """Four letters or digits beside it are enough; words of three letters do not count."""
        assert refusal(password) is None

    def test_is_one_only_with_such_a_word(self, refusal):
        """Who likes neither letters nor digits may do without."""
        assert refusal("#+%&/()=?") is None

    def test_needs_no_name(self, refusal):
        """Not everybody gives one."""
        assert refusal("lovelace", name=None) == "personal"
        assert refusal("gracehopper", name=None) is None
        assert refusal("gracehopper", name="Grace Hopper") == "personal"


class TestAnyPassword:
    @pytest.mark.parametrize(("password", "reason"), [("horses!", "too_short"), ("horse" * 52, "too_long")])
    def test_has_a_length(self, refusal, password, reason):
        """From PASSWORD_MIN_LENGTH to 256 characters."""
        assert refusal(password) == reason

    def test_of_two_hundred_and_fifty_six_characters_is_taken(self, refusal):
        """The longest that may be."""
        assert refusal("battery " * 32) is None
