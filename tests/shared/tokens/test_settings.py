"""Settings that would make tokens unsafe end the start, by the variable's name."""

import pytest

from shared.settings import load
from shared.tokens.settings import TokenRules, TokenSettings
from tests.shared.tokens.minting import PUBLIC_URL, SECRET

VALID = {"PUBLIC_URL": PUBLIC_URL, "AUTH_JWKS_URL": "http://auth-service:8000/.well-known/jwks.json"}


@pytest.fixture
def environment(monkeypatch):
    """Set variables, the valid ones changed by those given."""

    def given(**changes):
        for name, value in (VALID | changes).items():
            monkeypatch.setenv(name, value)

    return given


class TestStarting:
    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("BETTER_AUTH_SECRET", "x" * 31),
            ("BETTER_AUTH_SECRET", "dev-only-" + "x" * 32),
            ("BETTER_AUTH_SECRET", '{"keys": []}' + "x" * 32),
            ("BETTER_AUTH_SECRET", "[" + "x" * 32),
            ("BETTER_AUTH_SECRET", '"' + "x" * 32),
            ("BETTER_AUTH_SECRET", "-----BEGIN PUBLIC KEY-----" + "x" * 32),
            ("BETTER_AUTH_SECRET", "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY"),
            ("BETTER_AUTH_SECRET_PREVIOUS", "much-too-little"),
            ("BETTER_AUTH_MAX_LIFETIME_SECONDS", "-1"),
            ("AUTH_JWKS_URL", ""),
            ("AUTH_JWKS_URL", "file:///etc/passwd"),
            ("AUTH_JWKS_URL", "auth-service"),
        ],
    )
    def test_is_refused(self, environment, capsys, variable, value):
        """The process exits with status 2, names the variable and does not repeat its value."""
        environment(**{variable: value})

        with pytest.raises(SystemExit) as ended:
            load(TokenSettings, "todo-service")

        said = capsys.readouterr().err
        assert ended.value.code == 2
        assert f"{variable}:" in said
        assert not value or value not in said

    def test_needs_little(self, environment):
        """Without a secret only our own ES256 tokens are on; the other values have defaults."""
        environment(BETTER_AUTH_SECRET="")

        rules = load(TokenSettings, "todo-service")

        assert rules.better_auth_secret is None
        assert rules.token_audience == "todo-api"
        assert (rules.better_auth_require_exp, rules.better_auth_max_lifetime_seconds) == (True, 0)

    def test_secrets_are_not_shown(self, environment):
        """Printing the settings shows no secret."""
        environment(BETTER_AUTH_SECRET=SECRET, BETTER_AUTH_REQUIRE_EXP="0")

        rules = load(TokenRules, "auth-service")

        assert not rules.better_auth_require_exp
        assert SECRET not in repr(rules)
