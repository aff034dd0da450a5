"""Secrets of a long visit, looked for in everything that the set has written: logs, mails, Redis, tables, answers."""

import json
from base64 import b64encode
from urllib.parse import quote, quote_plus

import httpx
import pytest

from tests.system.canaries import Canaries, handed_out, sinks_of
from tests.system.conftest import PEER_SECRET
from tests.system.visit import Visit, password

pytestmark = pytest.mark.kills


def escaped(text):
    """As JSON in JSON."""
    return json.dumps(json.dumps([text]))


def encoded(text):
    """As base64."""
    return b64encode(text.encode()).decode()


def hexadecimal(text):
    """As PostgreSQL shows bytes."""
    return text.encode().hex()


DISGUISES = [str, quote, quote_plus, escaped, encoded, hexadecimal]


@pytest.fixture(scope="module")
async def visit(running_set):
    """A whole visit, after which every process has done what it had to."""
    async with httpx.AsyncClient(base_url=running_set.url, timeout=20) as client:
        visit = Visit(running_set, client)
        secrets = dict(line.split("=", 1) for line in (running_set.folder / "secrets.env").read_text().splitlines())
        visit.canaries.add(**secrets, PEER_SECRET=PEER_SECRET)
        first = await visit.register_and_log_in()
        await visit.send_secrets_to_wrong_places(first)
        await visit.use_todos(first)
        await visit.use_oauth()
        await visit.verify(first)
        await visit.refresh_and_replay(first)
        await visit.change_and_reset()
        await visit.move()
        yield visit


@pytest.fixture(scope="module")
async def sinks(visit):
    """All that was written during the visit and before it, each with where it is."""
    return [sink async for sink in sinks_of(visit.running_set)]


HANDED_OUT = ("access", "refresh", "cookie", "ticket")


class TestASecret:
    def test_is_written_nowhere(self, visit, sinks):
        """No password, token or key is in a log, a mail, Redis or a table; but for a link in its mail."""
        found = {where: names for where, text in sinks if (names := visit.canaries.found_in(text))}
        assert found == {
            "mail: Reset your password": {"one-time token"},
            "mail: Confirm your e-mail address": {"verifying token"},
            "mail: Confirm your new e-mail address": {"moving token"},
        }
        written = {where for where, text in sinks if text}
        assert {"log", "table public.users", "table public.outbox", "table public.todos"} <= written
        assert {"Redis stream: auth:mail", "Redis stream: auth:revocations"} <= written

    async def test_is_handed_out_once(self, visit):
        """By the answer to its request: no other has it, and no password is in any."""
        found = handed_out(visit.recorder, visit.canaries)

        expected = {name for name in visit.canaries.secrets if name.endswith(HANDED_OUT)}
        assert len(expected) > 12
        assert {name: len(places) for name, places in found.items()} == dict.fromkeys(expected, 1)

    def test_is_no_address(self, visit, sinks):
        """But the address is in no log and not in Redis either, in no spelling."""
        places = {where for where, text in sinks if any(address in text.lower() for address in visit.addresses)}

        assert {where for where in places if where.startswith(("log", "Redis"))} == set()
        assert "table public.users" in places

    @pytest.mark.parametrize("write", DISGUISES, ids=lambda write: write.__name__)
    def test_is_seen_in_disguise(self, write):
        """However it is written, and whatever is before and behind it."""
        canaries = Canaries()
        canaries.add(password=password("disguised"))

        for before in ("", "a", "ab"):
            text = write(f"{before}{canaries.secrets['password']}behind")
            assert canaries.found_in(f"some {text} more") == {"password"}
        assert canaries.found_in(write("canary")) == set()
