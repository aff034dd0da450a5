"""`python -m gateway check`: what starts, and what is refused with which words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = """
[upstreams.one]
url = "http://one:8000"
[[routes]]
path = "/a"
upstream = "one"
methods = ["GET"]
max_body = 0
"""


def check(folder: Path, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    (folder / "gateway.toml").write_text(text)
    environment = {"PATH": os.environ["PATH"], "ENVIRONMENT": "development", "PUBLIC_URL": "http://localhost:8080"}
    return subprocess.run(
        [sys.executable, "-m", "gateway", "check"],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestChecking:
    def test_shows_the_routes_with_their_addresses(self, tmp_path: Path) -> None:
        """The routes are printed with the addresses that this environment gives."""
        run = check(
            tmp_path, GOOD, GATEWAY_UPSTREAM_ONE_URL="http://127.0.0.1:9", REDIS_URL="redis://x", DRAIN_SECONDS="0"
        )

        assert run.returncode == 0, run.stderr
        assert run.stdout.split()[:3] == ["/a", "prefix", "http://127.0.0.1:9"]

    def test_finds_the_file_of_a_checkout(self, tmp_path: Path) -> None:
        """Without a file in the working directory, the one beside the sources counts."""
        (tmp_path / "elsewhere").mkdir()
        environment = {"PATH": os.environ["PATH"], "ENVIRONMENT": "development", "PUBLIC_URL": "http://localhost:8080"}
        run = subprocess.run(
            [sys.executable, "-m", "gateway", "check"],
            cwd=tmp_path / "elsewhere",
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )

        assert {"/auth", "/.well-known", "/todos", "/events"} <= {line.split()[0] for line in run.stdout.splitlines()}

    def test_names_every_fault_at_once(self, tmp_path: Path) -> None:
        """One run tells all that is wrong, in the environment and in the file."""
        text = GOOD.replace('path = "/a"', 'path = "a/"').replace("max_body = 0", "") + "[nonsense]\n"

        run = check(tmp_path, text, PORT="none", ALLOWED_ORIGINS="http://app.test/", PUBLIC_URL="")

        assert run.returncode == 2
        for words in ("PORT:", "ALLOWED_ORIGINS.0:", "PUBLIC_URL: is missing", "routes.0.path:", "routes.0.max_body:"):
            assert words in run.stderr
        assert "nonsense: Extra inputs" in run.stderr


class TestRefusing:
    @pytest.mark.parametrize(
        ("before", "after", "words"),
        [
            ('url = "http://one:8000"', 'url = "http://one:8000/api"', "upstreams.one.url"),
            ('url = "http://one:8000"', 'url = "http://user@one:8000"', "must not name a user"),
            ('url = "http://one:8000"', 'url = "http://one:8000"\nconnect = 0', "upstreams.one.connect"),
            ('url = "http://one:8000"', 'url = "http://one:8000"\nkeepalive = 75', "upstreams.one.keepalive"),
            ('upstream = "one"', 'upstream = "two"', "'two', which [upstreams] does not list"),
            ('methods = ["GET"]', "methods = []", "routes.0.methods"),
            ('methods = ["GET"]', 'methods = ["GET"]\nauth = "required"', "routes.0.auth"),
            ('path = "/a"', 'path = "/health"', "/health is answered by the gateway itself"),
            ("max_body = 0", "max_body = 0\n[cors]\norigins = ['*']", "cors.origins.0"),
            ("max_body = 0", "max_body = 0\n[cors]\norigins = ['null']", "cors.origins.0"),
            ("max_body = 0", "max_body = 0\n" + GOOD[GOOD.index("[[routes]]") :], "/a stands there 2 times"),
            ("max_body = 0", "max_body = ", "gateway.toml"),
        ],
    )
    def test_config_rejects(self, tmp_path: Path, before: str, after: str, words: str) -> None:
        """A file that could be meant differently is refused, with the place and the reason."""
        run = check(tmp_path, GOOD.replace(before, after))

        assert run.returncode == 2
        assert words in run.stderr

    def test_misspelt_variable(self, tmp_path: Path) -> None:
        """A GATEWAY_ variable that means nothing is a mistake, not a comment."""
        run = check(tmp_path, GOOD, GATEWAY_UPSTREAM_OEN_URL="http://127.0.0.1:9")

        assert run.returncode == 2
        assert "GATEWAY_UPSTREAM_OEN_URL: is not known" in run.stderr
