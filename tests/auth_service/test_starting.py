"""What the service refuses to start with, and that it says which variable is wrong."""

import pytest

from auth_service.settings import AuthSettings
from shared.settings import load
from tests.auth_service.processes import START_SECONDS, environment, running
from tests.waiting import until

CASES = {
    "no secret": ({"AUTH_SECRET": None}, "AUTH_SECRET"),
    "empty secret": ({"AUTH_SECRET": ""}, "AUTH_SECRET"),
    "31 bytes": ({"AUTH_SECRET": "x" * 31}, "AUTH_SECRET"),
    "short former secret": ({"AUTH_SECRET_PREVIOUS": "too-few-bytes"}, "AUTH_SECRET_PREVIOUS"),
    "short shared secret": ({"BETTER_AUTH_SECRET": "too-few-bytes"}, "BETTER_AUTH_SECRET"),
    "shared secret like JSON": ({"BETTER_AUTH_SECRET": '{"keys": "' + "x" * 40}, "BETTER_AUTH_SECRET"),
    "sample in production": (
        {"ENVIRONMENT": None, "PUBLIC_URL": "https://todo.example", "AUTH_SECRET": "dev-only-" + "x" * 32},
        "AUTH_SECRET",
    ),
    "sample shared secret in production": (
        {"ENVIRONMENT": None, "PUBLIC_URL": "https://todo.example", "BETTER_AUTH_SECRET": "dev-only-" + "x" * 32},
        "BETTER_AUTH_SECRET",
    ),
    "http in production": ({"ENVIRONMENT": "production"}, "PUBLIC_URL"),
    "path in the origin": ({"PUBLIC_URL": "http://localhost:8080/"}, "PUBLIC_URL"),
    "any origin": ({"ALLOWED_ORIGINS": "*"}, "ALLOWED_ORIGINS"),
    "no Redis": ({"REDIS_URL": None}, "REDIS_URL"),
    "no tries at all": ({"THROTTLE_FACTOR": "0"}, "THROTTLE_FACTOR"),
    "no database": ({"DATABASE_URL": None}, "DATABASE_URL"),
    "HS256 without its secret": ({"JWT_SIGNING_ALG": "HS256", "BETTER_AUTH_SECRET": None}, "JWT_SIGNING_ALG"),
    "half-hearted verification": ({"EMAIL_VERIFICATION": "optional"}, "EMAIL_VERIFICATION"),
    "unknown algorithm": ({"JWT_SIGNING_ALG": "none"}, "JWT_SIGNING_ALG"),
    "long access tokens": ({"ACCESS_TOKEN_SECONDS": "901"}, "ACCESS_TOKEN_SECONDS"),
    "cross-site cookie by http": ({"COOKIE_SAMESITE": "none"}, "COOKIE_SAMESITE"),
    "short passwords": ({"PASSWORD_MIN_LENGTH": "7"}, "PASSWORD_MIN_LENGTH"),
    "a long farewell": ({"ACCOUNT_GRACE_DAYS": "31"}, "ACCOUNT_GRACE_DAYS"),
    "no threads": ({"HASH_WORKERS": "0"}, "HASH_WORKERS"),
    "service without a hash": ({"INTROSPECTION_CLIENTS": "reports"}, "INTROSPECTION_CLIENTS"),
    "service with its secret": ({"INTROSPECTION_CLIENTS": "reports:in-clear"}, "INTROSPECTION_CLIENTS"),
    "service without a name": ({"INTROSPECTION_CLIENTS": ":" + "0" * 64}, "INTROSPECTION_CLIENTS"),
    "service with the hash of nothing": (
        {"INTROSPECTION_CLIENTS": "reports:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        "INTROSPECTION_CLIENTS",
    ),
    "proxy that is no network": ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES"),
}


@pytest.fixture
def loading(monkeypatch):
    """Load the settings from this environment and no other."""

    def load_from(variables):
        with monkeypatch.context() as clean:
            for name in (*environment(), *AuthSettings.model_fields):
                clean.delenv(name.upper(), raising=False)
            for name, value in variables.items():
                clean.setenv(name, value)
            return load(AuthSettings, "auth-service")

    return load_from


class TestStarting:
    @pytest.mark.parametrize("case", CASES)
    def test_refuses_to_start(self, loading, capsys, case):
        """The process ends with status 2 and names the variable, but shows no value of a secret."""
        changed, variable = CASES[case]

        with pytest.raises(SystemExit) as ending:
            loading(environment(**changed))

        said = capsys.readouterr().err
        assert ending.value.code == 2
        assert f"  {variable}: " in said
        assert not any(value in said for name, value in changed.items() if value and "SECRET" in name)

    def test_names_every_fault_at_once(self, loading, capsys):
        """Nobody has to start it again and again to learn what is missing."""
        with pytest.raises(SystemExit):
            loading({})

        said = capsys.readouterr().err
        assert all(f"  {name}: is missing" in said for name in ("AUTH_SECRET", "DATABASE_URL", "PUBLIC_URL"))

    def test_needs_no_more_than_this(self, loading):
        """Samples are welcome in development, and variables of other processes do not matter."""
        settings = loading(
            environment(AUTH_SECRET="dev-only-" + "x" * 32, SMTP_URL="smtp://127.0.0.1", THROTTLE_FACTOR=None)
        )

        assert settings.jwt_signing_alg == "ES256"
        assert settings.access_token_seconds == 600
        assert settings.email_verification == "off"
        assert settings.throttle_factor == 1

    def test_shows_no_secret(self, loading):
        """Printing the settings prints no secret."""
        settings = loading(environment())

        assert environment()["AUTH_SECRET"] not in repr(settings)
        assert environment()["BETTER_AUTH_SECRET"] not in repr(settings)


class TestStartingInProduction:
    @pytest.mark.parametrize(("mode", "warns"), [(None, True), ("required", False)])
    async def test_warns_of_addresses_that_nobody_verifies(self, migrated_database, mode, warns):
        """The service comes up all the same, and the log says what EMAIL_VERIFICATION=off means."""
        given = {"ENVIRONMENT": "production", "PUBLIC_URL": "https://todo.example", "EMAIL_VERIFICATION": mode}
        async with running(environment(DATABASE_URL=await migrated_database("auth"), **given)) as process:
            await until(process.is_up, START_SECONDS)

        assert ("email_verification_off" in process.output) is warns
