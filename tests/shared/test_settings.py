"""Settings: what is read from where, and what ends the start."""

from pathlib import Path

import pytest

from shared.settings import CommaSeparated, DatabaseSettings, RedisSettings, Secret, load


class ExampleSettings(DatabaseSettings, RedisSettings):
    """A service's settings, small."""

    api_secret: Secret
    colours: CommaSeparated[str] = ()


GOOD = {
    "DATABASE_URL": "postgresql://todo@/todo",
    "REDIS_URL": "redis://redis:6379/0",
    "PUBLIC_URL": "https://todo.example",
    "API_SECRET": "x" * 32,
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch):
    """Set exactly these variables, of those that the settings read."""

    def set_variables(**variables: str) -> None:
        for name in (field.upper() for field in ExampleSettings.model_fields):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


class TestReading:
    def test_takes_the_environment(self, environment):
        """A variable of the field's name in capitals is the setting."""
        environment(**GOOD, COLOURS="red, green,,blue ")

        settings = load(ExampleSettings, "example")

        assert settings.database_url.get_secret_value() == GOOD["DATABASE_URL"]
        assert settings.colours == ("red", "green", "blue")

    def test_an_empty_variable_counts_as_unset(self, environment):
        """`ADMIN_PORT=` in a compose file means the default."""
        environment(**GOOD, ADMIN_PORT="", ENVIRONMENT="")

        assert load(ExampleSettings, "example").admin_port == 9090

    def test_takes_a_secret_from_its_file(self, environment, tmp_path: Path):
        """A file with the field's name in the secrets folder is read when the variable is unset."""
        environment(**{name: value for name, value in GOOD.items() if name != "API_SECRET"})
        (tmp_path / "api_secret").write_text("from-a-file-from-a-file-from-a-file\n")

        settings = ExampleSettings(_secrets_dir=tmp_path)

        assert settings.api_secret.get_secret_value() == "from-a-file-from-a-file-from-a-file"

    def test_shows_no_secret(self, environment):
        """The settings can be logged or shown in a traceback."""
        environment(**GOOD)

        assert "x" * 32 not in repr(load(ExampleSettings, "example"))


class TestRefusingToStart:
    @pytest.mark.parametrize(
        ("change", "variable", "words"),
        [
            ({"API_SECRET": ""}, "API_SECRET", "missing"),
            ({"API_SECRET": "short"}, "API_SECRET", "at least 32 bytes"),
            ({"API_SECRET": "dev-only-" + "x" * 32}, "API_SECRET", "sample"),
            ({"DATABASE_URL": "postgresql://todo:dev-only-todo@db/todo"}, "DATABASE_URL", "sample"),
            ({"DATABASE_URL": ""}, "DATABASE_URL", "missing"),
            ({"DATABASE_URL": "mysql://todo@db/todo"}, "DATABASE_URL", "like postgresql://"),
            ({"REDIS_URL": "http://redis:6379"}, "REDIS_URL", "like redis://"),
            ({"REDIS_URL": "redis:6379"}, "REDIS_URL", "like redis://"),
            ({"REDIS_URL": "redis://redis:port/0"}, "REDIS_URL", "like redis://"),
            ({"PUBLIC_URL": "http://todo.example"}, "PUBLIC_URL", "https"),
            ({"PUBLIC_URL": "https://todo.example/"}, "PUBLIC_URL", "origin"),
            ({"ADMIN_PORT": "many"}, "ADMIN_PORT", "integer"),
            ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES", "host bits"),
        ],
    )
    def test_names_the_variable(self, environment, capsys, change, variable, words):
        """A wrong variable ends the start with status 2, by its name and with the reason."""
        environment(**(GOOD | change))

        with pytest.raises(SystemExit) as stopped:
            load(ExampleSettings, "example")

        assert stopped.value.code == 2
        printed = capsys.readouterr().err
        assert f"{variable}: " in printed
        assert words in printed

    def test_names_every_fault_at_once(self, environment, capsys):
        """Nobody has to start a service five times to hear of five faults."""
        environment(PUBLIC_URL="nonsense", API_SECRET="short")

        with pytest.raises(SystemExit):
            load(ExampleSettings, "example")

        printed = capsys.readouterr().err
        assert all(name in printed for name in ("PUBLIC_URL", "API_SECRET", "DATABASE_URL"))

    def test_repeats_no_value(self, environment, capsys):
        """What is refused may be a secret in the wrong variable."""
        environment(
            **(GOOD | {"API_SECRET": "short-canary", "ADMIN_PORT": "canary", "REDIS_URL": "redis://:canary/@redis"})
        )

        with pytest.raises(SystemExit):
            load(ExampleSettings, "example")

        assert "canary" not in capsys.readouterr().err

    def test_samples_are_fine_in_development(self, environment):
        """A developer's machine needs no secrets of its own."""
        sample = "dev-only-" + "x" * 32
        environment(
            **(GOOD | {"API_SECRET": sample, "ENVIRONMENT": "development", "PUBLIC_URL": "http://localhost:8080"})
        )

        assert load(ExampleSettings, "example").api_secret.get_secret_value() == sample


class TestTrust:
    @pytest.mark.parametrize(
        ("host", "trusted"),
        [("10.1.2.3", True), ("11.1.2.3", False), ("::1", True), (None, False), ("unix", False), ("", False)],
    )
    def test_is_for_listed_networks(self, environment, host, trusted):
        """A peer is trusted by its address alone."""
        environment(**GOOD, TRUSTED_PROXIES="10.0.0.0/8,::1/128")

        assert load(ExampleSettings, "example").trusts(host) is trusted
