"""A page from http://localhost:3000 in a real Chromium, calling the gateway on another origin (`make browser`)."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from devstack.ports import free_ports
from tests.system.browser import results_of

pytestmark = pytest.mark.browser

PAGE = Path(__file__).with_name("page.html")


@contextmanager
def gateway_without_services() -> Iterator[str]:
    """Run a gateway whose services do not listen; give its URL as the page knows it."""
    port, admin_port, nobody = free_ports(3)
    away = f"http://127.0.0.1:{nobody}"
    settings = {
        "ENVIRONMENT": "development",
        "PORT": str(port),
        "ADMIN_PORT": str(admin_port),
        "DRAIN_SECONDS": "0",
        "PUBLIC_URL": f"http://localhost:{port}",
        "ALLOWED_ORIGINS": "http://localhost:3000",
        "GATEWAY_CONFIG": str(Path(__file__).parents[2] / "gateway" / "gateway.toml"),
        "AUTH_JWKS_URL": f"{away}/.well-known/jwks.json",
        "GATEWAY_UPSTREAM_AUTH_URL": away,
        "GATEWAY_UPSTREAM_TODO_URL": away,
    }
    process = subprocess.Popen([sys.executable, "-m", "gateway"], env=os.environ | settings, stdout=subprocess.DEVNULL)
    try:
        url = f"http://localhost:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as client:
            client.get(f"{url}/health").raise_for_status()
        yield url
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def results(running_set) -> Iterator[dict[str, dict]]:
    """What the page met, step by step."""
    api = running_set.url.replace("127.0.0.1", "localhost")
    with gateway_without_services() as down:
        yield results_of(PAGE, {"api": api, "down": down})


class TestAFrontendOnPort3000:
    @pytest.mark.parametrize(
        ("step", "status"),
        [
            ("register", 201),
            ("login", 200),
            ("refresh", 200),
            ("create", 201),
            ("list", 200),
            ("change", 200),
            ("remove", 204),
            ("logout", 204),
            ("refreshAfterLogout", 401),
        ],
    )
    def test_each_step_works(self, results, step, status):
        """Register, log in, refresh by the cookie, create, list, change, remove, log out."""
        assert results[step].get("status") == status, results[step]

    def test_the_list_holds_the_todo(self, results):
        """What the page created is what it lists."""
        assert [todo["title"] for todo in results["list"]["body"]] == ["From the browser"]
        assert results["change"]["body"]["completed"] is True

    def test_exposed_headers_can_be_read(self, results):
        """The script reads Location and the request id."""
        assert results["create"]["location"] == f"/todos/{results['create']['body']['id']}"
        assert results["create"]["requestId"]

    def test_the_refresh_token_cannot(self, results):
        """No script sees the cookie, and no answer holds the token."""
        assert results["cookieIsHidden"] is True
        assert "refresh_token" not in results["login"]["body"]

    @pytest.mark.parametrize(
        ("step", "status", "code"),
        [("unauthorized", 401, "missing_token"), ("unreachable", 502, "upstream_unreachable")],
    )
    def test_errors_can_be_read(self, results, step, status, code):
        """A 401 and a 502 are problems to the script, not CORS errors."""
        assert results[step].get("status") == status, results[step]
        assert results[step]["type"] == "application/problem+json"
        assert results[step]["body"]["code"] == code
