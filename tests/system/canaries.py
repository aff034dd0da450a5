"""Secrets that are followed through the set, and everything in which they must not turn up."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import quote, quote_plus

import asyncpg
import httpx
import redis.asyncio as redis

from tests.running_set import RunningSet

ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})|\\([\"\\/])")


@cache
def disguises(secret: str) -> frozenset[str]:
    """Return a secret as logs, stores and bodies may write it: plain, escaped, encoded, in the midst of base64."""
    raw = secret.encode()
    found = {
        secret,
        unescaped(secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        raw.hex(),
    }
    for encode in (b64encode, urlsafe_b64encode):
        for before in range(3):
            # The first characters depend on what is before the secret, the last on what is behind it.
            text = encode(b"\0" * before + raw).decode().rstrip("=")
            found.add(text[(before * 8 + 5) // 6 : -1])
    return frozenset(found)


def unescaped(text: str) -> str:
    """Return a text without the escapes of JSON, however often it has been dumped."""
    previous = ""
    while previous != text:
        previous, text = text, ESCAPED.sub(lambda at: chr(int(at[1], 16)) if at[1] else at[2], text)
    return text


@dataclass(frozen=True, slots=True)
class Canaries:
    """Secrets by what they are."""

    secrets: dict[str, str] = field(default_factory=dict)

    def add(self, **secrets: str) -> None:
        """Follow these too. Of a signed token only the signature is secret; a prefix says its kind and is none."""
        self.secrets.update({name: secret.rpartition(".")[2] for name, secret in secrets.items()})

    def found_in(self, text: str) -> set[str]:
        """Return the names of those that `text` holds in any disguise."""
        texts = {text, unescaped(text)}
        return {
            name
            for name, secret in self.secrets.items()
            if any(disguise in one for disguise in disguises(secret) for one in texts)
        }


async def sinks_of(running: RunningSet) -> AsyncIterator[tuple[str, str]]:
    """Yield all that the set has written anywhere, each with where it is."""
    yield "log", running.output()
    about = running.stack()
    async for sink in _mails(running.mail_url):
        yield sink
    async for sink in _redis(about["urls"]["redis"]):
        yield sink
    for url in about["databases"].values():
        async for sink in _database(url):
            yield sink


async def _mails(url: str) -> AsyncIterator[tuple[str, str]]:
    async with httpx.AsyncClient(base_url=url) as client:
        listed = (await client.get("/api/v1/messages", params={"limit": 500})).json()["messages"]
        for mail in listed:
            whole = (await client.get(f"/api/v1/message/{mail['ID']}")).json()
            yield f"mail: {mail['Subject']}", json.dumps([mail, whole], ensure_ascii=False)


async def _redis(url: str) -> AsyncIterator[tuple[str, str]]:
    async with redis.Redis.from_url(url, decode_responses=True, encoding_errors="replace") as client:
        readers = {
            "string": client.get,
            "hash": client.hgetall,
            "list": lambda key: client.lrange(key, 0, -1),
            "set": client.smembers,
            "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            "stream": client.xrange,
        }
        async for key in client.scan_iter():
            kind = await client.type(key)
            if kind != "none":  # It has expired meanwhile.
                yield f"Redis {kind}: {key}", f"{key} {await readers[kind](key)}"


async def _database(url: str) -> AsyncIterator[tuple[str, str]]:
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables"
            " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        for (name,) in tables:
            rows = await connection.fetch(f"SELECT t::text FROM {name} t")
            yield f"table {name}", "\n".join(row[0] for row in rows)
    finally:
        await connection.close()


class Recorder:
    """Keeps every answer of a client as text, with its headers."""

    def __init__(self) -> None:
        self.answers: list[tuple[str, str]] = []

    async def keep(self, answer: httpx.Response) -> None:
        """Keep one; for the hooks of a client."""
        await answer.aread()
        head = "\n".join(f"{name}: {value}" for name, value in answer.headers.multi_items())
        self.answers.append((f"{answer.request.method} {answer.request.url.path}", f"{head}\n{answer.text}"))


def handed_out(recorder: Recorder, canaries: Canaries) -> Mapping[str, list[str]]:
    """Return which answers hold a canary, by the names of the canaries."""
    found: dict[str, list[str]] = {}
    for where, text in recorder.answers:
        for name in canaries.found_in(text):
            found.setdefault(name, []).append(where)
    return found
