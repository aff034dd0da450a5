"""What devstack runs, described before it is started. A leaf: everything else here builds or runs `Command`s."""

import enum
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypedDict


class CannotStart(Exception):
    """Why the set cannot start, in words for the person at the terminal. Nothing of it is left running."""


class Account(NamedTuple):
    """A system user that a command runs as."""

    name: str
    uid: int
    gid: int


class Identity(TypedDict):
    """An account as `subprocess` wants to hear it."""

    user: int | None
    group: int | None
    extra_groups: list[int] | None


class Kind(enum.IntEnum):
    """What a process is to the set. The numbers are the order of stopping: nobody outlives what it depends on."""

    GATEWAY = 0
    SERVICE = 1
    WORKER = 2
    SERVER = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One process: what to run, in which folder, with exactly which environment, and how it likes to be ended."""

    name: str
    kind: Kind
    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    account: Account | None = None
    """None runs it as the caller. Another account needs root."""
    stop_signal: signal.Signals = signal.SIGTERM

    @property
    def identity(self) -> Identity:
        """The arguments for `subprocess` that run the command as its account."""
        return identity_of(self.account)


def identity_of(account: Account | None) -> Identity:
    """Return the arguments for `subprocess` that run a command as `account`, in that account's own group alone."""
    if account is None:
        return Identity(user=None, group=None, extra_groups=None)
    return Identity(user=account.uid, group=account.gid, extra_groups=[])
