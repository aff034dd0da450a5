"""`python -m gateway check`: what starts, and what is refused with which words."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.configuration.settings import load_settings

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "ENVIRONMENT": "development",
    "PUBLIC_URL": "http://localhost:8080",
    "AUTH_JWKS_URL": "http://auth:8000/.well-known/jwks.json",
}
GOOD = """
[upstreams.one]
url = "http://one:8000"
[limits]
few = { key = "ip", rate = 1, burst = 1 }
[[routes]]
path = "/a"
upstream = "one"
methods = ["GET"]
auth = "none"
limit = "few"
max_body = 0
"""


def check(folder: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "gateway.toml").write_text(text)
    return subprocess.run(
        [sys.executable, "-m", "gateway", "check"],
        cwd=folder,
        env=ENVIRONMENT | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """`refusal(text, …)`: what a start with this file and these variables is refused with, without a process for it."""

    def refused(text: str, **variables: str) -> str:
        (tmp_path / "gateway.toml").write_text(text)
        monkeypatch.chdir(tmp_path)
        for name in list(os.environ):
            monkeypatch.delenv(name)
        for name, value in (ENVIRONMENT | variables).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit, match="2"):
            load_settings()
        return capsys.readouterr().err

    return refused


class TestChecking:
    def test_shows_the_routes_with_their_addresses(self, tmp_path: Path) -> None:
        """The routes are printed with the addresses that this environment gives."""
        run = check(
            tmp_path, GOOD, GATEWAY_UPSTREAM_ONE_URL="http://127.0.0.1:9", REDIS_URL="redis://x", DRAIN_SECONDS="0"
        )

        assert run.returncode == 0, run.stderr
        rows = [line.split() for line in run.stdout.splitlines()]
        assert ["/a", "prefix", "one", "none", "few", "0", "-", "GET"] in rows
        times = ["1", "s", "5", "s", "15", "s", "55", "s", "10", "s"]
        assert ["one", "http://127.0.0.1:9", *times, "128", "64", "for", "0.05", "s", "no"] in rows

    def test_shows_what_is_let_in(self, tmp_path: Path) -> None:
        """The limits with THROTTLE_FACTOR in them, that of each address too, and how many gateways share them."""
        run = check(tmp_path, GOOD, THROTTLE_FACTOR="3", GATEWAY_REPLICAS="2", REDIS_URL="redis://redis")

        rows = [line.split() for line in run.stdout.splitlines()]
        assert ["few", "ip", "3", "in", "1", "s", "3"] in rows
        assert ["flood", "ip", "300", "in", "1", "s", "600"] in rows
        assert ["replicas", "2"] in rows
        assert ["limits", "counted", "in", "Redis"] in rows

    def test_shows_no_secret(self, tmp_path: Path) -> None:
        """Neither those that are settings, nor a password in an address."""
        secret = "canary-of-at-least-thirty-two-bytes"
        keys = f"http://{secret}:{secret}@auth:8000/jwks?{secret}"

        run = check(tmp_path, GOOD, AUTH_JWKS_URL=keys, BETTER_AUTH_SECRET=secret, REDIS_URL=f"redis://:{secret}@x")

        assert run.returncode == 0, run.stderr
        assert "http://auth:8000/jwks" in run.stdout
        assert secret not in run.stdout + run.stderr

    def test_finds_the_file_of_a_checkout(self, tmp_path: Path) -> None:
        """Without a file in the working directory, the one beside the sources counts."""
        (tmp_path / "elsewhere").mkdir()
        run = subprocess.run(
            [sys.executable, "-m", "gateway", "check"],
            cwd=tmp_path / "elsewhere",
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        assert {"/auth", "/.well-known", "/todos", "/events"} <= {
            line.split()[0] for line in run.stdout.splitlines() if line
        }

    def test_names_every_fault_at_once(self, tmp_path: Path) -> None:
        """One run tells all that is wrong, in the environment and in the file."""
        text = GOOD.replace('path = "/a"', 'path = "a/"').replace("max_body = 0", "") + "[nonsense]\n"
        text = text.replace('upstream = "one"', 'upstream = "two"')

        run = check(tmp_path, text, PORT="none", GATEWAY_PORT="1", ALLOWED_ORIGINS="http://app.test/", PUBLIC_URL="")

        assert run.returncode == 2
        for words in ("PORT:", "ALLOWED_ORIGINS.0:", "PUBLIC_URL: is missing", "routes.0.path:", "routes.0.max_body:"):
            assert words in run.stderr
        assert "nonsense: is not known; there are cors, docs," in run.stderr
        assert "a/ has the upstream 'two', which [upstreams] does not list" in run.stderr
        assert "GATEWAY_PORT: is not known; there are GATEWAY_CONFIG," in run.stderr

    def test_hints_at_what_is_right(self, tmp_path: Path) -> None:
        """Each fault has its key, what is wrong, and what would be right."""
        run = check(tmp_path, GOOD.replace('auth = "none"', ""), AUTH_JWKS_URL="")

        address = "http://auth-service:8000/.well-known/jwks.json, at that service's own address"
        assert run.stderr.splitlines()[1:] == [
            f"  AUTH_JWKS_URL: is missing (like {address})",
            '  gateway.toml: routes.0.auth: is missing (say "required", "optional" or "none")',
        ]

    def test_says_that_there_is_no_file(self, tmp_path: Path) -> None:
        """In words, with the variable that named it."""
        run = check(tmp_path, GOOD, GATEWAY_CONFIG="none.toml")

        assert run.stderr.splitlines()[1:] == [
            "  GATEWAY_CONFIG: there is no file none.toml; without the variable it is gateway.toml"
        ]


class TestRefusing:
    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ('url = "http://one:8000"', 'url = "http://one:8000/api"', "upstreams.one.url"),
            ('url = "http://one:8000"', 'url = "http://user@one:8000"', "must not name a user"),
            ('url = "http://one:8000"', 'url = "http://one:8000"\nconnect = 0', "upstreams.one.connect"),
            ('url = "http://one:8000"', 'url = "http://one:8000"\nkeepalive = 75', "upstreams.one.keepalive"),
            ('upstream = "one"', 'upstream = "two"', "'two', which [upstreams] does not list"),
            ('url = "http://one:8000"', 'url = "http://one:8000?a=b"', "upstreams.one.url"),
            ('url = "http://one:8000"', 'url = "http://one:8000"\nidle = -1', "upstreams.one.idle"),
            ('url = "http://one:8000"', "", "upstreams.one.url: is missing"),
            ('methods = ["GET"]', "methods = []", "routes.0.methods"),
            ('methods = ["GET"]', "", "routes.0.methods: is missing"),
            ('methods = ["GET"]', 'methods = ["TRACE"]', "routes.0.methods.0"),
            ("max_body = 0", "", "routes.0.max_body: is missing"),
            ("max_body = 0", "max_body = -1", "routes.0.max_body"),
            ("max_body = 0", "max_body = 0\nmax_bodies = 1", "routes.0.max_bodies: is not known; there are auth,"),
            ("max_body = 0", "max_body = 0\n[server]\nheader_timeout = 0", "server.header_timeout"),
            ("max_body = 0", "max_body = 0\n[server]\nhosts = ['http://a']", "server.hosts.0"),
            ("max_body = 0", "max_body = 0\n[cors]\norigins = ['http://app.test/']", "cors.origins.0"),
            ("max_body = 0", "max_body = 0\n[cors]\norigins = ['http://app.test/a']", "cors.origins.0"),
            ('auth = "none"', "", "routes.0.auth: is missing"),
            ('auth = "none"', 'auth = "sometimes"', "routes.0.auth"),
            ('limit = "few"', "", "routes.0.limit: is missing"),
            ('limit = "few"', 'limit = "many"', "'many', which [limits] does not list"),
            ("few = {", "Few = {", "must be a word of small letters other than flood, not 'Few'"),
            ("few = {", "flood = {", "must be a word of small letters other than flood, not 'flood'"),
            ('key = "ip"', 'key = "name"', "limits.few.key"),
            ('key = "ip"', 'key = "user"', "/a has the limit 'few' for users, and asks for no token"),
            ("rate = 1,", "rate = 0,", "limits.few.rate"),
            ("burst = 1 }", "burst = 86401 }", "limits.few: a burst must be made up for within a day"),
            ("burst = 1 }", "burst = 1, per = 0 }", "limits.few.per"),
            ("[limits]", "[server]\nflood = { rate = 1 }\n[limits]", "server.flood.burst: is missing"),
            ('path = "/a"', 'path = "/health"', "/health is answered by the gateway itself"),
            ("max_body = 0", "max_body = 0\n[cors]\norigins = ['*']", "cors.origins.0"),
            ("max_body = 0", "max_body = 0\n[cors]\norigins = ['null']", "cors.origins.0"),
            ("max_body = 0", "max_body = 0\n" + GOOD[GOOD.index("[[routes]]") :], "/a stands there 2 times"),
            ("max_body = 0", "max_body = ", "gateway.toml"),
        ],
    )
    def test_config_rejects(self, refusal: Callable[..., str], before: str, after: str, words: str) -> None:
        """A file that could be meant differently is refused, with the place and the reason."""
        assert words in refusal(GOOD.replace(before, after))

    @pytest.mark.parametrize("name", ["GATEWAY_REPLICAS", "THROTTLE_FACTOR"])
    def test_numbers(self, refusal: Callable[..., str], name: str) -> None:
        """Less than one replica, or a limit that lets nobody in, is a mistake."""
        assert f"{name}: " in refusal(GOOD, **{name: "0"})

    def test_redis_at_no_address(self, tmp_path: Path) -> None:
        """It is named here, and not by a traceback at the start."""
        run = check(tmp_path, GOOD, REDIS_URL="redis:6379")

        assert run.returncode == 2
        assert "REDIS_URL: must be an address like redis://host:6379/0" in run.stderr

    def test_misspelt_variable(self, tmp_path: Path) -> None:
        """A GATEWAY_ variable that means nothing is a mistake, not a comment."""
        run = check(tmp_path, GOOD, GATEWAY_UPSTREAM_OEN_URL="http://127.0.0.1:9")

        assert run.returncode == 2
        assert "GATEWAY_UPSTREAM_OEN_URL: is not known" in run.stderr


class TestTheSchema:
    def test_is_that_of_the_file(self) -> None:
        """It is a JSON Schema with each section and key, and what has to be there."""
        command = [sys.executable, "-m", "gateway", "schema"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)

        schema = json.loads(run.stdout)
        assert {"server", "cors", "docs", "upstreams", "routes"} <= set(schema["properties"])
        assert {"path", "upstream", "methods", "auth", "max_body"} <= set(schema["$defs"]["RouteConfig"]["required"])
