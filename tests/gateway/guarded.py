"""A gateway that looks at tokens, in front of an upstream that takes all it gets, and the keys that sign them."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.attacks.presenting import Place
from tests.gateway.process import Gateway
from tests.shared.tokens.corpus import ATTACKS, forged_by
from tests.shared.tokens.key_server import KeyServer
from tests.shared.tokens.kinds import FRONTEND, Kind, make_kinds
from tests.shared.tokens.minting import SECRET, SigningKey, own_claims

ISSUER = "http://localhost:8080"
PATIENCE_SECONDS = 300

SETTINGS = {"BETTER_AUTH_SECRET": SECRET, "BETTER_AUTH_ISSUER": FRONTEND, "BETTER_AUTH_AUDIENCE": FRONTEND}


@dataclass(frozen=True, slots=True)
class Guarded:
    """The gateway, where it finds our keys, and every kind of token that it takes."""

    gateway: Gateway
    keys: KeyServer
    kinds: Mapping[str, Kind]

    @property
    def place(self) -> Place:
        """The address that wants a token."""
        return Place(self.gateway.port, "/required", takes_frontends=True)

    @property
    def good(self) -> str:
        """A good token of our own."""
        token: str = self.kinds["own by ES256"].token()
        return token

    def attacks(self) -> Iterator[tuple[str, str]]:
        """Every attack of the corpus on every kind of token.

        Space around a token belongs to its header field (RFC 9110 section 5.5), so what has it there is the good token.
        """
        for kind in self.kinds.values():
            for name, attack in ATTACKS.items():
                text = attack(kind)
                if text is not None and text == text.strip(" \t\n"):
                    yield f"{kind.name}: {name}", text
            for other in self.kinds.values():
                if other.sign is not kind.sign:
                    yield f"{kind.name}, signed as {other.name}", forged_by(kind, other)


def kinds_of(key: SigningKey, pairs: Mapping[str, object]) -> dict[str, Kind]:
    """Return every kind of token as of now; our own key is `key`, those of a frontend are `pairs`."""
    claims, now = own_claims(**lately()), int(time.time())
    kinds: dict[str, Kind] = make_kinds(key, pairs, SECRET, claims, now=now, patience=PATIENCE_SECONDS)
    return kinds


def lately() -> dict[str, object]:
    """Return the claims of a token of our own that was made now."""
    now = int(time.time())
    return {"iss": ISSUER, "iat": now, "auth_time": now, "exp": now + 600}
