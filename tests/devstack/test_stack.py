"""stack.json, the lock, and what a killed devstack has left."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.commands import CannotStart, Command, Kind
from devstack.stack import Entry, Stack, _started_at_by_ps, claimed, started_at

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"
HANGS = f"import signal; signal.signal(15, signal.SIG_IGN); {SLEEPS}"


def entry_of(process: subprocess.Popen[bytes], name: str = "gateway") -> Entry:
    """What the supervisor would have recorded of a process."""
    command = Command(name=name, kind=Kind.GATEWAY, argv=("sleep",), folder=Path("/"), environment={})
    return Entry.of(command, process.pid)


@pytest.fixture
def left(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[bytes]]:
    """A process that somebody has left running."""
    process = subprocess.Popen([sys.executable, "-c", getattr(request, "param", SLEEPS)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


class TestLeftovers:
    def test_are_ended_at_the_next_start(self, tmp_path: Path, left: subprocess.Popen[bytes]):
        """A process that stack.json names, and that still runs, is ended."""
        stack = Stack(tmp_path)
        stack.write([entry_of(left)])

        assert stack.end_leftovers() == ["gateway"]

        assert left.wait(1) != 0
        assert not (tmp_path / "stack.json").exists()

    @pytest.mark.parametrize("left", [HANGS], indirect=True)
    def test_are_killed_when_they_hang(self, tmp_path: Path, left: subprocess.Popen[bytes]):
        """Who does not heed SIGTERM is killed after four seconds."""
        stack = Stack(tmp_path)
        stack.write([entry_of(left)])
        began = time.monotonic()

        stack.end_leftovers()

        assert 3.9 < time.monotonic() - began < 10
        assert left.wait(1) == -9

    def test_a_later_process_with_the_same_id_is_spared(self, tmp_path: Path, left: subprocess.Popen[bytes]):
        """The id alone proves nothing: the start time has to be the same."""
        stack = Stack(tmp_path)
        stack.write([entry_of(left)])
        content = json.loads((tmp_path / "stack.json").read_text())
        content["processes"]["gateway"]["started"] = "1"
        (tmp_path / "stack.json").write_text(json.dumps(content))

        assert stack.end_leftovers() == []

        assert left.poll() is None

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"processes": {"gateway": {"pid": 1}}}', '{"processes": 1}'])
    def test_a_broken_file_is_as_none(self, tmp_path: Path, content: str):
        """A file that nobody can read ends nothing and stops no start."""
        (tmp_path / "stack.json").write_text(content)

        assert Stack(tmp_path).end_leftovers() == []

    def test_both_ways_to_tell_the_start_time_know_the_living(self, left: subprocess.Popen[bytes]):
        """Where there is no /proc, ps tells: something for a process that runs, nothing for one that has ended."""
        alive = (started_at(left.pid), _started_at_by_ps(left.pid))
        left.kill()
        left.wait()

        assert all(alive)
        assert (started_at(left.pid), _started_at_by_ps(left.pid)) == (None, None)


class TestTheLock:
    def test_lets_one_set_run_in_a_project(self, tmp_path: Path):
        """The second `make up` is told that, and by whom the project is taken."""
        folder = tmp_path / ".devstack"
        with claimed(folder):
            code = "import sys; from pathlib import Path; from devstack.stack import claimed; "
            code += "claimed(Path(sys.argv[1])).__enter__()"
            second = subprocess.run(
                [sys.executable, "-c", code, str(tmp_path / ".devstack")], capture_output=True, text=True, check=False
            )
            with pytest.raises(CannotStart, match=r"runs already \(process \d+\)"), claimed(tmp_path / ".devstack"):
                pass

        assert second.returncode == 1
        assert "CannotStart" in second.stderr

    def test_is_free_again_afterwards(self, tmp_path: Path):
        """The lock goes with its holder, however that ended."""
        for _ in range(2):
            with claimed(tmp_path / ".devstack") as stack:
                assert stack.read() == []
