"""The signing keys in memory, read again from the table all the while: it is the truth, and changes while we run.

While PostgreSQL is away the process signs and verifies with what it has read last; one that has read nothing yet is up
and unready, and tries again every second.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn, Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from auth_service.keys.models import KeyState, StoredKey
from auth_service.keys.rotation import keys_to_publish
from auth_service.keys.sealing import Seal, SealedWithAnotherSecret
from auth_service.keys.signing import ALG, SigningKey
from shared.database import Sessions, transaction
from shared.lifespan import end, kept_running, pause
from shared.problems import Problem
from shared.tokens import KeysUnavailable
from shared.tokens.keys import PublicKey

__all__ = ["KeyRing"]

TRY_AGAIN_SECONDS = 1.0
REST_SECONDS = 0.1
"""Between two readings, however many ask: random key ids, and readers of the key set, cost the database little."""
WORTH_WAITING_SECONDS = 0.5


class KeyRing:
    """The published keys, and the one that signs; also the verifier's key source."""

    def __init__(self, sessions: Sessions, seal: Seal, *, read_every_seconds: float) -> None:
        self._sessions = sessions
        self._seal = seal
        self._read_every_seconds = read_every_seconds
        self._public: dict[str, PublicKey] = {}
        self._jwks: list[dict[str, str]] = []
        self._changes = 0
        self._signing: SigningKey | None = None
        self._has_opened = False
        self._fault = ""
        self._wanted = asyncio.Event()
        self._next_reading: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    @asynccontextmanager
    async def open(cls, sessions: Sessions, seal: Seal, *, read_every_seconds: float = 30.0) -> AsyncIterator[Self]:
        """Give the keys, loaded if the database is there, else as soon as it is.

        Ends the process with status 2 when neither secret opens the stored key: another key would be made in its
        place, and every token of the other replicas would be refused.
        """
        keys = cls(sessions, seal, read_every_seconds=read_every_seconds)
        first = keys._next_reading
        reading = asyncio.create_task(kept_running("signing-keys", keys._keep_reading, asyncio.Event()))
        try:
            await first
            yield keys
        finally:
            await end(reading)

    @property
    def changes(self) -> int:
        """How often the set of keys has changed."""
        return self._changes

    @property
    def jwks(self) -> list[dict[str, str]]:
        """The published keys as JWKs (RFC 7517 section 4). Raises `KeysUnavailable` while none is loaded."""
        if not self._jwks:
            raise KeysUnavailable
        return self._jwks

    @property
    def signing(self) -> SigningKey:
        """The key that signs. Raises `KeysUnavailable` while none is loaded."""
        if self._signing is None:
            raise KeysUnavailable
        return self._signing

    async def key(self, kid: str) -> PublicKey | None:
        """Return the published key of this id, or None. Raises `KeysUnavailable` while none is loaded."""
        if not self._public:
            raise KeysUnavailable
        if kid not in self._public:
            await self.refresh()
        return self._public.get(kid)

    def reread(self) -> None:
        """Have the table read soon: something has changed in it."""
        self._wanted.set()

    async def refresh(self) -> None:
        """Have the table read, and wait for that unless it takes long: then what is in memory has to do."""
        self.reread()
        await asyncio.wait({self._next_reading}, timeout=WORTH_WAITING_SECONDS)

    async def check(self) -> str | None:
        """Say that the signing key is not loaded yet, or None."""
        return None if self._signing else "signing key: not loaded"

    async def _keep_reading(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            # Who asks from here on waits for the reading after this one, which may have begun too early for them.
            asked, self._next_reading = self._next_reading, asyncio.get_running_loop().create_future()
            self._wanted.clear()
            try:
                await self._read()
            finally:
                asked.set_result(None)
            await asyncio.sleep(REST_SECONDS)
            await pause(self._wanted, TRY_AGAIN_SECONDS if self._fault else self._read_every_seconds)

    async def _read(self) -> None:
        fault = ""
        try:
            async with transaction(self._sessions) as database:
                stored = await keys_to_publish(database, self._seal)
            self._publish(stored)
            self._sign_with(next(key for key in stored if key.state == KeyState.ACTIVE and key.alg == ALG))
        # The schema may not be there yet either: migrations are another process's work.
        except (Problem, SQLAlchemyError, OSError, SealedWithAnotherSecret) as error:
            fault = type(error).__name__
            if fault != self._fault:
                structlog.get_logger().warning("signing_keys_not_read", error=fault)
        self._fault = fault

    def _publish(self, stored: Sequence[StoredKey]) -> None:
        public = {key.kid: key.public_jwk for key in stored}
        if public.keys() != self._public.keys():
            self._public = {kid: PublicKey.of(jwk) for kid, jwk in public.items()}
            self._jwks = list(public.values())
            self._changes += 1
            structlog.get_logger().info("signing_keys_published", kids=list(public))

    def _sign_with(self, active: StoredKey) -> None:
        if self._signing is not None and self._signing.kid == active.kid:
            return
        try:
            self._signing = SigningKey.from_private_jwk(self._seal.open(active.private_sealed, active.kid))
        except SealedWithAnotherSecret:
            if not self._has_opened:
                _refuse_to_start()
            # While AUTH_SECRET is being changed, others may have sealed the next key by a secret that this process was
            # not given. Its former key is good until it is taken out of the key set.
            if self._signing is not None and self._signing.kid not in self._public:
                self._signing = None
            raise
        self._has_opened = True
        structlog.get_logger().info("signing_key_loaded", kid=active.kid)


def _refuse_to_start() -> NoReturn:
    sys.stderr.write(
        "auth-service cannot start, the stored signing key opens with neither of these:\n"
        "  AUTH_SECRET: is not the secret that sealed it\n"
        "  AUTH_SECRET_PREVIOUS: is not it either; set it to the former AUTH_SECRET\n"
    )
    sys.stdout.flush()
    sys.stderr.flush()
    # Nothing needs an orderly end: without the key no request has changed anything. SystemExit would end the server
    # too, but hide these lines under the tracebacks of all the tasks that it cancels.
    os._exit(2)
