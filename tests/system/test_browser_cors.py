"""What pages of listed, foreign and null origins get to see, in a real Chromium (`make browser`).

A page on http://localhost:3000 and the same page in frames of other origins ask a real gateway before a scripted
service, in every way that a script can. The table of it all is printed.
"""

import asyncio
import json
import sys
from contextlib import suppress
from itertools import product

import pytest

from devstack.ports import free_ports
from tests.gateway.peers import Upstream
from tests.gateway.process import running_gateway
from tests.system.browser import results_of
from tests.system.origins import CREDENTIALS, EXPOSED, HIDDEN, METHODS, ORIGINS, PAGE, SAFE, STATUSES, Service, table

pytestmark = pytest.mark.browser

OTHERS = ORIGINS[1:]


@pytest.fixture(scope="module")
async def visit(tmp_path_factory):
    """What each page saw, what came to the service, and the gateway's lines of it."""
    folder, service, [nobody] = tmp_path_factory.mktemp("origins"), Service(), free_ports(1)
    variables = {"THROTTLE_FACTOR": "10000", "ALLOWED_ORIGINS": "http://localhost:3000"}
    async with Upstream(script=service).serving() as upstream:
        ports = dict.fromkeys(("PLAIN", "JAR"), upstream.port) | dict.fromkeys(("DEAD", "HOLE"), nobody)
        async with running_gateway(folder, ports, **variables) as gateway:
            service.api = f"http://localhost:{gateway.port}"
            targets = {"api": service.api, "elsewhere": f"http://127.0.0.1:{upstream.port}"}
            plan = {"methods": METHODS, "statuses": STATUSES, "fields": sorted(EXPOSED | SAFE | HIDDEN)}
            saw = await asyncio.to_thread(results_of, PAGE, targets | plan)
            passed = [request for request in upstream.seen if request.all("via")]
        yield {"saw": saw, "passed": passed, "lines": lines_in(gateway.log)}


def lines_in(log):
    """Return the lines of requests."""
    lines = []
    for line in log.read_text().splitlines():
        with suppress(ValueError):
            lines.append(json.loads(line))
    return [line for line in lines if line.get("event") == "request"]


def errors(seen):
    """What a script sees that may see nothing."""
    return dict.fromkeys(seen, "TypeError")


class TestAnswers:
    def test_browser_cors(self, visit, capsys):
        """Pages of a listed origin read every status by every method, with cookies or without; others read nothing."""
        with capsys.disabled():
            sys.stdout.write(f"\n{table(visit['saw'])}\n")

        cells = list(product(METHODS, CREDENTIALS, STATUSES))
        readable = {f"{method} {credentials} {status}": status for method, credentials, status in cells}
        saw = {origin: visit["saw"][origin]["answers"] for origin in ORIGINS}
        assert saw == {"listed": readable} | {origin: errors(readable) for origin in OTHERS}

    def test_redirects(self, visit):
        """They are followed where they stay; through another origin a page becomes `null`, which is never listed."""
        followed = dict.fromkeys((*(f"GET {status}" for status in (301, 302, 303, 307, 308)), "PATCH 307"), 200)
        expected = followed | {"not followed": "opaqueredirect"}
        expected |= {"through elsewhere": "TypeError", "through elsewhere, POST": "TypeError"}

        saw = {origin: visit["saw"][origin]["redirects"] for origin in ORIGINS}
        assert saw == {"listed": expected} | {origin: errors(expected) for origin in OTHERS}

    def test_the_gateways_own(self, visit):
        """They can be read too, but where the preflight excludes the method or the address is too long to be read."""
        expected = {"no route": 404, "no service": 502, "too large": 413, "bad target": 400}
        expected |= {"no method": "TypeError", "too long": "TypeError"}

        saw = {origin: visit["saw"][origin]["own"] for origin in ORIGINS}
        assert saw == {"listed": expected} | {origin: errors(expected) for origin in OTHERS}

    @pytest.mark.parametrize("origin", ORIGINS)
    def test_exposed_fields(self, visit, origin):
        """A script of a listed origin reads those that the API speaks by, and no others."""
        expected = dict.fromkeys(EXPOSED | SAFE, "yes") | dict.fromkeys(HIDDEN, "no")

        saw = visit["saw"][origin]["fields"]

        assert saw == (expected if origin == "listed" else errors(expected))


class TestRequests:
    def test_fields_and_methods(self, visit):
        """A listed page sends a token and what else the API knows; nothing else leaves the browser."""
        expected = {"listed fields": 201, "a field that is not listed": "TypeError"}
        expected |= {"a method that is not listed": "TypeError"}

        saw = {origin: visit["saw"][origin]["requests"] for origin in ORIGINS}
        assert saw == {"listed": expected} | {origin: errors(expected) for origin in OTHERS}
        assert not any(request.target in {"/todos/unlisted", "/read"} for request in visit["passed"])

    def test_cookies(self, visit):
        """They travel when the page asks for it."""
        assert visit["saw"]["listed"]["cookies"] == {"include": "c=1", "omit": "none"}

    def test_preflights_are_asked_once(self, visit):
        """Three times the same request, with cookies and without: one preflight each; no service hears of any."""
        asked = [line for line in visit["lines"] if line["path"] == "/todos/again/listed"]

        assert set(visit["saw"]["listed"]["repeats"].values()) == {200}
        assert [(line["method"], line["status"]) for line in asked] == [
            *(("OPTIONS", 204), ("PATCH", 200), ("PATCH", 200), ("PATCH", 200)),
            *(("OPTIONS", 204), ("PATCH", 200), ("PATCH", 200), ("PATCH", 200)),
        ]
        assert "OPTIONS" not in {request.first_line.split()[0] for request in visit["passed"]}

    @pytest.mark.parametrize("origin", OTHERS)
    def test_preflights_of_others_fail(self, visit, origin):
        """Each is refused, and the request itself does not leave the browser."""
        asked = [line for line in visit["lines"] if line["path"] == f"/todos/again/{origin}"]

        assert {(line["method"], line["status"], line["error"]) for line in asked} == {
            ("OPTIONS", 403, "cors_forbidden")
        }

    def test_others_change_nothing(self, visit):
        """Of pages of other origins, which were all there, the service has heard reading alone."""
        methods = {}
        for request in visit["passed"]:
            methods.setdefault(request.one("origin"), set()).add(request.first_line.split()[0])
        foreign = methods.keys() - {"http://localhost:3000", "null", None}

        assert methods["http://localhost:3000"] == set(METHODS)
        assert methods["null"] == {"GET", "HEAD"}
        assert [methods[origin] for origin in foreign] == [{"GET", "HEAD"}]


class TestEvents:
    def test_come_to_listed_pages(self, visit):
        """EventSource, with a ticket: an event, the end, and the next by the id of the last; with cookies or not."""
        seen = ["of-listed None", "of-listed 7"]

        assert visit["saw"]["listed"]["events"] == {"include": seen, "omit": seen}

    @pytest.mark.parametrize("origin", OTHERS)
    def test_do_not_come_to_others(self, visit, origin):
        """Their streams are closed before a word, and not asked for again."""
        assert visit["saw"][origin]["events"] == {"include": "closed", "omit": "closed"}
        asked = [request for request in visit["passed"] if request.target == f"/live?ticket=of-{origin}"]
        assert len(asked) == 2
