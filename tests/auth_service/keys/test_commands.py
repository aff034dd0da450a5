"""The commands of operators, as processes: what they say, what they change, and how they end."""

import asyncio
import sys

import pytest

from auth_service.keys.commands import read_command
from tests.auth_service.keys.stored import kid_of, published
from tests.auth_service.processes import environment
from tests.auth_service.running import AUTH_SECRET

NEW_SECRET = "another secret of the auth-service alone"


@pytest.fixture
def command(url):
    """`await command("list", AUTH_SECRET=…)`: run a command; return its status, what it said, and why it refused."""

    async def run(*words, **changed):
        return await keys_command(environment(**({"DATABASE_URL": url} | changed)), *words)

    return run


async def keys_command(env, *words):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "auth_service.keys", *words),
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, refused = await process.communicate()
    return process.returncode, said.decode(), refused.decode()


class TestList:
    async def test_shows_where_every_key_stands(self, service, stored, command):
        """Since or until when, and which secret it needs; nothing of its private part."""
        await stored.rotate()
        await stored.operate("begin")
        await stored.operate("retire", await stored.kid("retiring"))

        status, said, _ = await command("list", AUTH_SECRET=NEW_SECRET, AUTH_SECRET_PREVIOUS=AUTH_SECRET)

        lines = [line.split() for line in said.splitlines()]
        assert status == 0
        assert [(kid, state, *words[:2]) for kid, state, *words in lines] == [
            (await stored.kid("retired"), "retired", "ended", lines[0][3]),
            (await stored.kid("active"), "active", "signs", "since"),
            (await stored.kid("pending"), "pending", "signs", "from"),
        ]
        assert [line[-1] for line in lines[1:]] == ["AUTH_SECRET_PREVIOUS"] * 2

    async def test_names_what_nothing_opens(self, service, command):
        """The start of a service would fail: here is which key."""
        status, said, _ = await command("list", AUTH_SECRET=NEW_SECRET)

        assert status == 0
        assert said.rstrip().endswith("sealed with neither secret")


class TestRotate:
    async def test_makes_the_next_key(self, service, stored, command):
        """And says from when on it signs; a second time it says the same."""
        status, said, _ = await command("rotate")
        again = await command("rotate")

        pending = await stored.kid("pending")
        assert (status, again) == (0, (0, said, ""))
        assert said.startswith(f"{pending} is pending, and signs from 20")
        assert await published(service.client) == [await stored.kid("active"), pending]

    async def test_needs_a_first_key(self, url, command):
        """Which the service makes, so that its secret is the one that counts."""
        status, said, refused = await command("rotate")

        assert (status, said) == (1, "")
        assert "there is no signing key yet" in refused


class TestRewrap:
    async def test_makes_the_former_secret_needless(self, service, stored, command, new_service, url):
        """After a change of AUTH_SECRET; tokens from before hold, with the new secret alone."""
        ada = await service.register()
        await stored.rotate()
        await stored.operate("begin")

        changed = {"AUTH_SECRET": NEW_SECRET, "AUTH_SECRET_PREVIOUS": AUTH_SECRET}
        assert await command("rewrap", **changed) == (0, "sealed anew 3\n", "")
        assert await command("rewrap", **changed) == (0, "sealed anew 0\n", "")

        ada.client = (await new_service(url, auth_secret=NEW_SECRET)).client
        assert await ada.is_signed_in()
        grace = await (await new_service(url, auth_secret=NEW_SECRET)).register()
        assert kid_of(grace.answer["access_token"]) == await stored.kid("active")

    async def test_without_the_former_secret(self, service, stored, command):
        """It changes nothing, and names both variables and neither value."""
        status, said, refused = await command("rewrap", AUTH_SECRET=NEW_SECRET)

        assert (status, said) == (1, "")
        assert f"{await stored.kid('active')} opens with neither AUTH_SECRET nor AUTH_SECRET_PREVIOUS" in refused
        assert NEW_SECRET not in refused


class TestRetire:
    async def test_ends_a_key(self, service, stored, command):
        """Another one signs at once, and the command says which."""
        stolen = await stored.kid("active")

        status, said, _ = await command("retire", "--now", stolen)

        assert (status, await stored.states()) == (0, ["retired", "active"])
        assert said.startswith(f"{stolen} is retired, and {await stored.kid('active')} signs since 20")

    @pytest.mark.parametrize("kid", ["-kid", "--now", "kid"])
    def test_takes_every_id(self, kid):
        """One in 64 begins with a hyphen."""
        assert read_command(["retire", "--now", kid]).args == (kid,)

    async def test_an_unknown_key(self, service, stored, command):
        """The operator hears that nothing was done."""
        assert await command("retire", "--now", "unknown") == (1, "", "auth-keys: there is no signing key unknown\n")
        assert await stored.states() == ["active"]


class TestTheCommandLine:
    @pytest.mark.parametrize("words", [[], ["retire"], ["retire", "kid"], ["retire", "--now"], ["erase"]])
    def test_makes_sense_or_ends_with_2(self, capsys, words):
        """What ends a key cannot be written by accident."""
        with pytest.raises(SystemExit) as ending:
            read_command(words)

        assert ending.value.code == 2
        assert "usage: python -m auth_service.keys" in capsys.readouterr().err

    async def test_explains_itself(self, command):
        """Every command, and what the statuses mean."""
        status, said, _ = await command("--help")

        assert status == 0
        assert all(word in said for word in ("list", "rotate", "rewrap", "retire", "status 0", "with 1", "with 2"))

    async def test_wrong_settings(self, command):
        """Every variable that is wrong is named."""
        status, _, refused = await command("list", AUTH_SECRET="short", PUBLIC_URL=None)

        assert status == 2
        assert [line.split(":")[0].strip() for line in refused.splitlines()[1:]] == ["AUTH_SECRET", "PUBLIC_URL"]

    async def test_a_database_that_is_away(self, command):
        """Is said in a line, without a traceback."""
        status, said, refused = await command("list", DATABASE_URL="postgresql://auth@127.0.0.1:1/auth")

        assert (status, said, len(refused.splitlines())) == (1, "", 1)
