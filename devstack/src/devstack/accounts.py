"""The system user that PostgreSQL runs as for root, and what it may do by the modes of files."""

import os
import pwd
import shutil
import stat
import subprocess
from pathlib import Path

from devstack.commands import Account, CannotStart

SYSTEM_USER = "embedded_postgres"


def server_account() -> Account | None:
    """The account to run PostgreSQL as: None for an ordinary user; for root a system user, created if need be."""
    if os.geteuid() != 0:
        return None
    try:
        found = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        _create_system_user()
        found = pwd.getpwnam(SYSTEM_USER)
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def _create_system_user() -> None:
    by_shadow = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER)
    by_busybox = ("adduser", "-S", "-D", "-H", SYSTEM_USER)
    for argv in (by_shadow, by_busybox):
        if shutil.which(argv[0]):
            done = subprocess.run(argv, check=False, capture_output=True, text=True)
            if done.returncode == 0:
                return
    raise CannotStart(
        f"PostgreSQL does not run as root, and no system user {SYSTEM_USER} could be created for it: "
        "create one, or run make as an ordinary user"
    )


def can_enter(folder: Path, account: Account) -> bool:
    """Tell whether the account may pass through `folder` and all its parents, by their modes (not by ACLs)."""
    real = folder.resolve()
    return all(permits(path, account, stat.S_IXOTH) for path in (real, *real.parents))


def permits(path: Path, account: Account, wanted: int) -> bool:
    """Whether the mode of `path` gives the account `wanted`, which is said in the bits for others; False if missing."""
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_uid == account.uid:
        wanted <<= 6
    elif found.st_gid == account.gid:
        wanted <<= 3
    return found.st_mode & wanted == wanted


def name_of(uid: int) -> str:
    """Return the name of a user, or the number of one without a name."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
