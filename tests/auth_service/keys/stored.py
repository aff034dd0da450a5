"""The stored signing keys, as tests move them."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import timedelta

import asyncpg

from auth_service.audit import Actor
from auth_service.derivation import Purpose, derived_keys
from auth_service.keys import Seal, move_keys
from auth_service.keys.rotation import KeyRotation
from shared.database import Sessions, transaction
from tests.auth_service.running import settings_for

ROTATE_AFTER = timedelta(days=90)


def seal_of(url: str, **changed: object) -> Seal:
    """Return what seals the keys in this database, with the usual secret unless it is `changed`."""
    return Seal(derived_keys(settings_for(url, **changed), Purpose.KEY_ENCRYPTION))


@dataclass
class StoredKeys:
    """The keys in one database, and the steps that worker and operator take with them."""

    sessions: Sessions
    sql: asyncpg.Connection
    seal: Seal

    async def move(self) -> None:
        """Do what is due, as the worker does every half a minute."""
        await move_keys(self.sessions, self.seal, ROTATE_AFTER)

    async def operate(self, step: str, *arguments: str) -> object:
        """Do what an operator's command does."""
        async with transaction(self.sessions) as session:
            return await getattr(KeyRotation(session, self.seal, Actor.OPERATOR), step)(*arguments)

    async def rotate(self) -> None:
        """Let another key sign, as if ten minutes had passed since it was made."""
        await self.operate("begin")
        await self.age(minutes=10)
        await self.move()

    async def age(self, **time: float) -> None:
        """Let time pass for every key."""
        await self.sql.execute(
            "UPDATE signing_keys SET created_at = created_at - $1::interval, activate_at = activate_at - $1::interval,"
            " retire_at = retire_at - $1::interval",
            timedelta(**time),
        )

    async def states(self) -> list[str]:
        """Return where each key stands, the oldest first."""
        return [row[0] for row in await self.sql.fetch("SELECT state FROM signing_keys ORDER BY created_at")]

    async def kid(self, state: str) -> str:
        """Return the id of the one key in this state."""
        [kid] = await self.sql.fetch("SELECT kid FROM signing_keys WHERE state = $1", state)
        return kid[0]

    async def written(self) -> list[tuple[str, str, dict[str, str]]]:
        """Return what the audit log says of keys, the oldest first."""
        rows = await self.sql.fetch("SELECT actor, type, detail FROM audit_events WHERE type LIKE 'key%' ORDER BY id")
        return [(actor, what, json.loads(detail)) for actor, what, detail in rows]


def kid_of(token: str) -> str:
    """Return the id of the key that signed an access token."""
    return json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))["kid"]


async def published(client) -> list[str]:
    """Return the ids in the key set, the oldest first."""
    answer = await client.get("/.well-known/jwks.json")
    assert answer.status_code == 200, answer.text
    return [key["kid"] for key in answer.json()["keys"]]
