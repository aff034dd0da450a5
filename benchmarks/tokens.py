"""A2: what verifying an access token costs, beside one plain HS256 decode of the same claims."""

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk, jws, jwt
from pydantic import SecretStr

from benchmarks.measure import ROUNDS, Result
from benchmarks.service import SECRET
from shared.tokens.keys import PublicKey
from shared.tokens.settings import TokenRules
from shared.tokens.verifier import Verifier

PUBLIC_URL = "http://localhost:8080"
TOKENS = 2_000
"""Fewer than a verifier remembers."""


class OneKey:
    """A source of keys that has one."""

    changes = 0

    def __init__(self, key: PublicKey) -> None:
        self._key = key

    async def key(self, _kid: str) -> PublicKey:
        """Return the key, whatever it is called."""
        return self._key


def run() -> list[Result]:
    """Measure both lines of A2 in one run on one machine."""
    seen, unseen, decode = zip(*[_microseconds(_claims()) for _ in range(ROUNDS)], strict=True)
    return [
        _result("µs to verify a token already seen / one HS256 decode", seen, decode, bar=0.2, goal=0.05),
        _result("µs to verify an ES256 token not seen / one HS256 decode", unseen, decode, bar=5, goal=4),
    ]


def _result(what: str, ours: Sequence[float], peer: Sequence[float], *, bar: float, goal: float) -> Result:
    ratio = statistics.median(a / b for a, b in zip(ours, peer, strict=True))
    return Result("A2", what, statistics.median(ours), statistics.median(peer), ratio, bar, goal, at_most=True)


def _microseconds(claims: Sequence[dict[str, object]]) -> tuple[float, float, float]:
    """Return what a token costs that was seen, one that was not, and a plain decode."""
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key = jwk.construct(pem.decode(), "ES256")
    public = PublicKey.of({**key.public_key().to_dict(), "kid": "bench"})
    ours = [jws.sign(each, key, headers={"kid": "bench", "typ": "at+jwt"}, algorithm="ES256") for each in claims]
    plain = [jwt.encode(each, SECRET, algorithm="HS256") for each in claims]
    rules = TokenRules(environment="development", public_url=PUBLIC_URL, better_auth_secret=SecretStr(SECRET))
    verifier = Verifier(rules, OneKey(public))
    unseen, seen = (asyncio.run(_verify_all(verifier, ours)) for _ in range(2))
    return (
        seen,
        unseen,
        _each(lambda: [jwt.decode(one, SECRET, algorithms=["HS256"], audience="todo-api") for one in plain]),
    )


async def _verify_all(verifier: Verifier, tokens: Sequence[str]) -> float:
    started = time.perf_counter()
    for token in tokens:
        await verifier.verify(token)
    return (time.perf_counter() - started) / TOKENS * 1e6


def _each(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / TOKENS * 1e6


def _claims() -> list[dict[str, object]]:
    """Return the claims of our own access tokens (RFC 9068 section 2.2)."""
    now, user = int(time.time()), str(uuid4())
    always = {
        "iss": PUBLIC_URL,
        "aud": "todo-api",
        "sub": user,
        "client_id": "todo-web",
        "iat": now,
        "exp": now + 600,
        "sid": str(uuid4()),
        "scope": "todos:read todos:write",
        "ver": 0,
        "auth_time": now,
        "amr": ["pwd"],
        "email": "bench@example.com",
        "email_verified": True,
    }
    return [{**always, "jti": str(uuid4())} for _ in range(TOKENS)]
