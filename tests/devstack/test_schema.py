"""Whether a database needs its migrations."""

from pathlib import Path

import pytest

from devstack.schema import is_newest, newest_revisions


def versions(folder: Path, **parents: str) -> Path:
    """A folder of migrations: each revision with the Python of its down_revision."""
    for revision, parent in parents.items():
        (folder / f"{revision}.py").write_text(f"revision = {revision!r}\ndown_revision: str | None = {parent}\n")
    return folder


class TestTheNewestRevisions:
    def test_are_those_that_nobody_follows(self, tmp_path: Path):
        """Of a line of migrations it is the last one."""
        assert newest_revisions(versions(tmp_path, first="None", second="'first'", third="'second'")) == {"third"}

    def test_may_be_several(self, tmp_path: Path):
        """Branches have an end each, until a migration joins them."""
        branches = versions(tmp_path, first="None", left="'first'", right="'first'")
        assert newest_revisions(branches) == {"left", "right"}

        assert newest_revisions(versions(tmp_path, joined="('left', 'right')")) == {"joined"}

    def test_ignore_what_is_no_migration(self, tmp_path: Path):
        """Other files, and such that are being edited, count for nothing."""
        (tmp_path / "broken.py").write_text("revision = ")
        (tmp_path / "other.py").write_text("revision = compute()\n")

        assert newest_revisions(tmp_path) == set()


class TestADatabase:
    @pytest.mark.parametrize(("stored", "newest"), [("second", True), ("first", False)])
    def test_is_newest_when_it_says_so(self, new_postgres, tmp_path: Path, stored: str, newest: bool):
        """Its own record decides, as it does for Alembic."""
        server = new_postgres()
        server.ask("todo", f"CREATE TABLE alembic_version AS SELECT '{stored}' AS version_num")

        assert is_newest(server, "todo", versions(tmp_path, first="None", second="'first'")) is newest

    def test_without_a_record_is_not(self, new_postgres, tmp_path: Path):
        """A new database is not, nor is any while there are no migrations to compare with."""
        server = new_postgres()

        assert not is_newest(server, "todo", versions(tmp_path, first="None"))
        assert not is_newest(server, "auth", tmp_path / "missing")
