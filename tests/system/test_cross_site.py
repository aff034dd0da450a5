"""A visitor of another page, whose browser holds the cookie of a session (`make browser`)."""

import json
import threading
from collections import Counter
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from devstack.ports import free_ports
from tests.system.browser import Frontend, results_of

pytestmark = [pytest.mark.browser, pytest.mark.kills]

HOME, EVIL = Path(__file__).with_name("home.html"), Path(__file__).with_name("evil.html")
PATHS = {"/auth/refresh", "/auth/logout", "/auth/login"}
PASSWORD = "correct horse battery staple"


# To `localhost` the first is another site, whose requests carry no strict cookie; requests of the second do.
@pytest.fixture(scope="module", params=["127.0.0.1", "localhost"])
def visit(request, running_set):
    """What was tried, the session before and after, and how the gateway answered."""
    api, [port] = running_set.url.replace("127.0.0.1", "localhost"), free_ports(1)
    eve = json.dumps({"email": f"eve-{uuid4()}@example.com", "password": PASSWORD})
    httpx.post(f"{api}/auth/register", content=eve, headers={"Content-Type": "application/json"}).raise_for_status()
    targets = {"api": api, "home": "http://localhost:3000/", "evil": f"http://{request.param}:{port}/", "account": eve}
    said_before = len(running_set.output())
    with Frontend(EVIL, targets, port) as evil:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        try:
            results = results_of(HOME, targets)
        finally:
            evil.shutdown()
    return results | {"answers": answers_in(running_set.output()[said_before:])}


def answers_in(output):
    """How the gateway answered what was asked of the paths under attack: method, path and status."""
    lines = (json.loads(line[line.index("{") :]) for line in output.splitlines() if '"request"' in line)
    return Counter(
        (line["method"], line["path"], line["status"])
        for line in lines
        if line["service"] == "gateway" and line["path"] in PATHS
    )


class TestAForeignPage:
    def test_reads_nothing(self, visit):
        """No script of it gets an answer, not even one that it could not look into."""
        assert len(visit["tried"]) == 24
        assert set(visit["tried"].values()) == {"TypeError"}

    def test_leaves_the_session_as_it_was(self, visit):
        """Back home the same person is signed in, in the same session."""
        assert visit["after"] == {"status": 200} | visit["before"]

    def test_is_refused(self, visit):
        """Whatever it sent was refused; the one success is the refresh at home."""
        answers = visit["answers"]

        assert {answer for answer in answers if answer[2] < 400} == {("POST", "/auth/refresh", 200)}
        assert answers["POST", "/auth/refresh", 200] == 1
        for path in PATHS:
            assert answers["POST", path, 403] >= 8, answers
