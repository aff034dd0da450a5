"""A running set, and every kind of token that it accepts in the hands of whoever attacks it."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from uuid import uuid4

import asyncpg
import httpx

from auth_service.derivation import Purpose, derived_keys
from auth_service.keys.sealing import Seal
from auth_service.keys.signing import SigningKey as StoredKey
from auth_service.settings import AuthSettings
from tests.attacks.presenting import Place, statuses
from tests.attacks.small_set import SmallSet
from tests.auth_service.running import SHARED_SECRET
from tests.shared.tokens.kinds import Kind, make_kinds
from tests.shared.tokens.minting import SigningKey
from tests.waiting import until

PATIENCE_SECONDS = 300
"""How long after it was made a token may be presented. Those of the set itself live for 570 seconds at least."""


@dataclass(frozen=True, slots=True)
class Target:
    """A set, and tokens for somebody who has an account there."""

    running: SmallSet
    kinds: dict[str, Kind]

    @classmethod
    async def of(cls, running: SmallSet, settings: AuthSettings, pairs: Mapping[str, object]) -> Self:
        """Register somebody, and take the signing key out of the database; the keys of a frontend are `pairs`."""
        token = (await register(running.ports["auth-service"]))["access_token"]
        stored = await _signing_key(settings)
        key = SigningKey(stored.kid, private=stored.private)
        # A token in HS256 mode has no audience, and one by ES256 must have it.
        claims = {"aud": "todo-api"} | payload_of(token)
        kinds = make_kinds(key, pairs, SHARED_SECRET, claims, now=int(time.time()), patience=PATIENCE_SECONDS)
        target = cls(running, kinds)
        # A service that came up before the auth-service asks for the keys again within a second.
        await until(target.knows_all_keys)
        return target

    async def knows_all_keys(self) -> bool:
        """Whether the todo-service has every set of keys."""
        tokens = [kind.token() for kind in self.kinds.values()]
        return set(await statuses(self.places["todo-service"], tokens)) == {200}

    @property
    def places(self) -> dict[str, Place]:
        """Where tokens are taken: at the services, and at the gateway before them."""
        ports = self.running.ports
        return {
            "todo-service": Place(ports["todo-service"], "/todos", takes_frontends=True),
            "auth-service": Place(ports["auth-service"], "/auth/me", takes_frontends=False),
            "gateway to the todo-service": Place(ports["gateway"], "/todos", takes_frontends=True),
            "gateway to the auth-service": Place(ports["gateway"], "/auth/me", takes_frontends=False),
        }


async def register(port: int) -> dict[str, object]:
    """Register somebody in an app; return the answer."""
    body = {"email": f"target-{uuid4()}@example.com", "password": "correct horse battery staple"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
        answer = await client.post("/auth/register", json=body, headers={"X-Token-Delivery": "body"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def payload_of(token: str) -> dict[str, object]:
    """Return the claims of a token."""
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "=="))


async def _signing_key(settings: AuthSettings) -> StoredKey:
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    try:
        row = await connection.fetchrow("SELECT kid, private_sealed FROM signing_keys WHERE state = 'active'")
    finally:
        await connection.close()
    seal = Seal(derived_keys(settings, Purpose.KEY_ENCRYPTION))
    return StoredKey.from_private_jwk(seal.open(row["private_sealed"], row["kid"]))
