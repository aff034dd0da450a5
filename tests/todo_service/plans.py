"""The plans that PostgreSQL follows, told in the names of whole tables: in one variant of the suite they have parts."""

import json
from dataclasses import dataclass
from typing import Any

import asyncpg

WHOLE = "SELECT coalesce(pg_partition_root($1::text::regclass), $1::text::regclass)::text"


@dataclass(frozen=True)
class Scan:
    """How a plan reads a table."""

    index: str
    rows: float


async def scan_of(table: str, connection: asyncpg.Connection, statement: str, *values: object) -> Scan:
    """Run `statement`; return the only scan of `table` or of its parts, which has to be by an index."""
    text = await connection.fetchval(f"EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) {statement}", *values)
    [scan] = [
        node
        for node in nodes_of(json.loads(text)[0]["Plan"])
        if "Relation Name" in node and await whole(connection, node, "Relation Name") == table
    ]
    return Scan(await whole(connection, scan, "Index Name"), scan["Actual Rows"])


async def whole(connection: asyncpg.Connection, node: dict[str, Any], name: str) -> str:
    """Return what the named relation of a node is a part of, or is itself."""
    return await connection.fetchval(WHOLE, f"{node['Schema']}.{node[name]}")


def nodes_of(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all nodes of a plan."""
    return [node, *(below for child in node.get("Plans", []) for below in nodes_of(child))]
