"""How signing keys come and go.

| state    | in the key set | signs | until |
|----------|----------------|-------|-------|
| pending  | yes            |       | ten minutes after it was made: whoever keeps the key set for five has read it |
| active   | yes            | yes   | the next one becomes active, with `rotate_after` in days |
| retiring | yes            |       | no token of it can live, and one hour more |
| retired  |                |       | for ever; its private part is erased |

`retire` is the short way to the end, for a key that was stolen (decision 0016). Every change is made in turn, and
written to the audit log.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from auth_service.audit import Actor, Audited, AuditLog, Source
from auth_service.keys.models import KeyState, StoredKey
from auth_service.keys.repository import KeyRepository
from auth_service.keys.sealing import Seal
from auth_service.keys.signing import ALG, SigningKey
from auth_service.outbox import tell_key_ended
from shared.database import Session, Sessions, transaction

__all__ = ["KeyRotation", "NoSuchKey", "keys_to_publish", "move_keys"]

PENDING_FOR = timedelta(minutes=10)
RETIRING_FOR = timedelta(seconds=900) + timedelta(hours=1)
"""No access token lives longer than 900 seconds, whatever ACCESS_TOKEN_SECONDS was. The hour is for a replica that
could not read of its successor."""


class NoSuchKey(Exception):
    """There is no signing key of this id, or none at all yet."""


async def keys_to_publish(database: Session, seal: Seal) -> Sequence[StoredKey]:
    """Return the keys of the key set, one of them active: who finds none makes the first, which signs at once."""
    repository = KeyRepository(database)
    stored = await repository.published()
    if _in(KeyState.ACTIVE, stored) is None:
        now = await repository.take_turn()
        stored = await repository.published()
        if _in(KeyState.ACTIVE, stored) is None:
            first = _new_key(seal, KeyState.ACTIVE, now)
            await repository.store(first)
            stored = [*stored, first]
    return stored


async def move_keys(sessions: Sessions, seal: Seal, rotate_after: timedelta) -> None:
    """Do what is due, as the worker; raises what `KeyRotation.advance` and `transaction` raise."""
    async with transaction(sessions) as database:
        await KeyRotation(database, seal, Actor.WORKER).advance(rotate_after)


class KeyRotation:
    """Moves keys from state to state in one transaction, in the name of `actor`.

    What needs a new key raises `SealedWithAnotherSecret` when the active one does not open: a key that is sealed with a
    secret which the replicas do not have would leave them with nothing to sign with.
    """

    def __init__(self, database: Session, seal: Seal, actor: Actor) -> None:
        self._database = database
        self._seal = seal
        self._stored = KeyRepository(database)
        self._audit = AuditLog(database, Source(actor))

    async def begin(self) -> StoredKey:
        """Return the next key, pending: a new one unless a rotation is under way.

        Raises `NoSuchKey` while no replica has made the first key.
        """
        now = await self._stored.take_turn()
        stored = await self._stored.published()
        if (pending := _in(KeyState.PENDING, stored)) is not None:
            return pending
        if (active := _in(KeyState.ACTIVE, stored)) is None:
            raise NoSuchKey("there is no signing key yet: the auth-service makes the first one")
        return await self._add(self._successor(active, KeyState.PENDING, now))

    async def advance(self, rotate_after: timedelta) -> None:
        """Do what is due: retire, activate, or begin a rotation when the active key has signed for `rotate_after`."""
        now = await self._stored.take_turn()
        stored = await self._stored.published()
        for key in stored:
            if key.state == KeyState.RETIRING and _is_due(key.retire_at, now):
                await self._retire(key, now)
        active, pending = _in(KeyState.ACTIVE, stored), _in(KeyState.PENDING, stored)
        if active is None:
            return
        # At each look, not only when a key is made: a wrong secret shows at once, and not after months.
        self._must_open(active)
        if pending is None and _is_due(active.activate_at, now - rotate_after):
            await self._add(self._successor(active, KeyState.PENDING, now))
        elif pending is not None and _is_due(pending.activate_at, now):
            await self._replace(active, pending, now)

    async def retire(self, kid: str) -> StoredKey:
        """End a key at once, wherever it stands, and return the one that signs: a new one if `kid` did.

        Every service is told to refuse what the key has signed. Raises `NoSuchKey`.
        """
        now = await self._stored.take_turn()
        stored = await self._stored.all()
        key = next((key for key in stored if key.kid == kid), None)
        active = _in(KeyState.ACTIVE, stored)
        if key is None or active is None:
            raise NoSuchKey(f"there is no signing key {kid}")
        if key.state == KeyState.RETIRED:
            return active
        # A new one and not the pending one, which may have been stolen with it.
        successor = self._successor(active, KeyState.ACTIVE, now) if key is active else None
        await self._retire(key, now)
        await tell_key_ended(self._database, kid)
        return active if successor is None else await self._add(successor)

    async def rewrap(self) -> int:
        """Seal anew with AUTH_SECRET what was sealed with AUTH_SECRET_PREVIOUS; return how many keys.

        Raises `SealedWithAnotherSecret`, and nothing is changed.
        """
        await self._stored.take_turn()
        old = [key for key in await self._stored.published() if key.kek_id != self._seal.key_id]
        for key in old:
            private = self._seal.open(key.private_sealed, key.kid)
            key.private_sealed, key.kek_id = self._seal.close(private, key.kid), self._seal.key_id
            await self._stored.store(key)
        return len(old)

    async def _replace(self, active: StoredKey, pending: StoredKey, now: datetime) -> None:
        self._must_open(pending)
        active.state, active.retire_at = KeyState.RETIRING, now + RETIRING_FOR
        await self._stored.store(active)
        pending.state, pending.activate_at = KeyState.ACTIVE, now
        await self._add(pending)

    async def _retire(self, key: StoredKey, now: datetime) -> None:
        was = key.state
        key.state, key.retire_at, key.private_sealed = KeyState.RETIRED, now, None
        await self._stored.store(key)
        await self._audit.record(Audited.KEY_RETIRED, kid=key.kid, was=str(was))

    def _successor(self, active: StoredKey, state: KeyState, now: datetime) -> StoredKey:
        self._must_open(active)
        return _new_key(self._seal, state, now)

    async def _add(self, key: StoredKey) -> StoredKey:
        await self._stored.store(key)
        await self._audit.record(Audited.KEY_ROTATED, kid=key.kid, now=str(key.state))
        return key

    def _must_open(self, key: StoredKey) -> None:
        self._seal.open(key.private_sealed, key.kid)


def _new_key(seal: Seal, state: KeyState, now: datetime) -> StoredKey:
    key = SigningKey.generate()
    return StoredKey(
        kid=key.kid,
        alg=ALG,
        public_jwk=key.public_jwk,
        private_sealed=seal.close(key.private_jwk(), key.kid),
        kek_id=seal.key_id,
        state=state,
        created_at=now,
        activate_at=now + PENDING_FOR if state == KeyState.PENDING else now,
    )


def _in(state: KeyState, keys: Sequence[StoredKey]) -> StoredKey | None:
    return next((key for key in keys if key.state == state and key.alg == ALG), None)


def _is_due(at: datetime | None, now: datetime) -> bool:
    return at is not None and at <= now
