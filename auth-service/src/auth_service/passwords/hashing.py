"""Argon2id in a bounded pool of threads: a flood of logins can neither stall the event loop nor fill the memory.

A permit is asked for before a request's first query, so a login that waits for its turn holds no database connection.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Self, TypeVar

from fastapi import Depends, Request
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from auth_service.passwords.errors import Overloaded
from auth_service.passwords.policy import PasswordPolicy, composed

__all__ = ["HasherDep", "PasswordHasher", "Permit", "Verified"]

MAX_WAITING = 50

# 19 MiB and two passes: OWASP's first choice. The library's own default takes five times as long.
ARGON2ID = PasswordHash((Argon2Hasher(memory_cost=19_456, time_cost=2, parallelism=1),))

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Verified:
    """Whether the password was right; if so and the cost has changed since, the hash to store from now on."""

    is_right: bool
    new_hash: str | None = None


class PasswordHasher:
    """Hashes and verifies on `workers` threads; each takes 19 MiB while it works."""

    def __init__(self, workers: int, policy: PasswordPolicy, scheme: PasswordHash = ARGON2ID) -> None:
        self._policy = policy
        self._scheme = scheme
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._permits = asyncio.Semaphore(workers)
        self._waiting = 0
        self._dummy_hash = scheme.hash(secrets.token_urlsafe())

    @classmethod
    @asynccontextmanager
    async def open(cls, workers: int, policy: PasswordPolicy) -> AsyncIterator[Self]:
        """Give a hasher, and end its threads after. Passwords chosen from now on follow `policy`."""
        hasher = cls(workers, policy)
        try:
            yield hasher
        finally:
            hasher._threads.shutdown(wait=False)

    async def hash_chosen(self, password: str, *, email: str, name: str | None) -> str:
        """Return the hash of a password that the person of this address and name chooses.

        Raises `WeakPassword` and `Overloaded`.
        """
        self._policy.check(password, email=email, name=name)
        async with self.permit() as permit:
            return await permit.hash(password)

    @asynccontextmanager
    async def permit(self) -> AsyncIterator["Permit"]:
        """Wait for a thread; raise `Overloaded` at once when fifty are waiting already."""
        if self._waiting >= MAX_WAITING:
            raise Overloaded
        self._waiting += 1
        try:
            await self._permits.acquire()
        finally:
            self._waiting -= 1
        try:
            yield Permit(self._scheme, self._dummy_hash, self._threads)
        finally:
            self._permits.release()


class Permit:
    """The use of one thread, inside `PasswordHasher.permit`."""

    def __init__(self, scheme: PasswordHash, dummy_hash: str, threads: ThreadPoolExecutor) -> None:
        self._scheme = scheme
        self._dummy_hash = dummy_hash
        self._threads = threads

    async def hash(self, password: str) -> str:
        """Return the hash to store for `password`."""
        return await self._on_thread(lambda: self._scheme.hash(composed(password)))

    async def verify(self, password: str, stored_hash: str | None) -> Verified:
        """Compare `password` with `stored_hash`; without one the answer is no, after the same work.

        The dummy hash is verified for an unknown account: otherwise the time taken would tell who has one.
        """
        is_right, new_hash = await self._on_thread(
            lambda: self._scheme.verify_and_update(composed(password), stored_hash or self._dummy_hash)
        )
        return Verified(is_right and stored_hash is not None, new_hash)

    async def _on_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def password_hasher(request: Request) -> PasswordHasher:
    """Return the hasher of this process."""
    hasher: PasswordHasher = request.app.state.hasher
    return hasher


HasherDep = Annotated[PasswordHasher, Depends(password_hasher)]
"""Hashes and verifies passwords."""
