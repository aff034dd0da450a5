"""The signing keys in memory: read once from the table, where the first replica makes the first one.

While PostgreSQL is away the process is up and unready, and tries again every second.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NoReturn, Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from auth_service.keys.models import StoredKey
from auth_service.keys.repository import KeyRepository
from auth_service.keys.sealing import Seal, SealedWithAnotherSecret
from auth_service.keys.signing import ALG, SigningKey
from shared.database import Sessions, transaction
from shared.problems import Problem
from shared.tokens import KeysUnavailable, PublicKey

__all__ = ["KeyRing"]

TRY_AGAIN_SECONDS = 1.0


class KeyRing:
    """The published keys, and the one that signs; also the verifier's key source."""

    def __init__(self, sessions: Sessions, seal: Seal) -> None:
        self._sessions = sessions
        self._seal = seal
        self._public: dict[str, PublicKey] = {}
        self._jwks: list[dict[str, str]] = []
        self._signing: SigningKey | None = None
        self._tried = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(cls, sessions: Sessions, seal: Seal) -> AsyncIterator[Self]:
        """Give the keys, loaded if the database is there, else as soon as it is.

        Ends the process with status 2 when neither secret opens the stored key: another key would be made in its
        place, and every token of the other replicas would be refused.
        """
        keys = cls(sessions, seal)
        loading = asyncio.create_task(keys._load_until_done(), name="signing-keys")
        try:
            await keys._tried.wait()
            yield keys
        finally:
            loading.cancel()
            await asyncio.wait({loading})

    @property
    def changes(self) -> int:
        """How often the set of keys has changed."""
        return 1 if self._public else 0

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
        return self._public.get(kid)

    async def check(self) -> str | None:
        """Say that the signing key is not loaded yet, or None."""
        return None if self._signing else "signing key: not loaded"

    async def _load_until_done(self) -> None:
        reported = ""
        while self._signing is None:
            try:
                await self._load()
            except SealedWithAnotherSecret:
                _refuse_to_start()
            # The schema may not be there yet either: migrations are another process's work.
            except (Problem, SQLAlchemyError, OSError) as error:
                if type(error).__name__ != reported:
                    reported = type(error).__name__
                    structlog.get_logger().warning("signing_key_not_loaded", error=reported)
                self._tried.set()
                await asyncio.sleep(TRY_AGAIN_SECONDS)
        self._tried.set()

    async def _load(self) -> None:
        async with transaction(self._sessions) as database:
            repository = KeyRepository(database)
            stored = await repository.published()
            if _active(stored) is None:
                await repository.wait_for_turn()
                stored = await repository.published()
            if (active := _active(stored)) is None:
                active = self._make()
                await repository.add(active)
                stored = [*stored, active]
        self._take(stored, active)

    def _make(self) -> StoredKey:
        key = SigningKey.generate()
        now = datetime.now(UTC)
        return StoredKey(
            kid=key.kid,
            alg=ALG,
            public_jwk=key.public_jwk,
            private_sealed=self._seal.close(key.private_jwk(), key.kid),
            kek_id=self._seal.key_id,
            state="active",
            created_at=now,
            activate_at=now,
        )

    def _take(self, stored: Sequence[StoredKey], active: StoredKey) -> None:
        sealed = active.private_sealed or b""
        self._signing = SigningKey.from_private_jwk(self._seal.open(sealed, active.kid))
        self._public = {key.kid: PublicKey.of(key.public_jwk) for key in stored}
        self._jwks = [key.public_jwk for key in stored]
        structlog.get_logger().info("signing_key_loaded", kid=active.kid)


def _active(stored: Sequence[StoredKey]) -> StoredKey | None:
    return next((key for key in stored if key.state == "active" and key.alg == ALG), None)


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
