"""Todos put straight into the table, with whatever times and texts a test needs."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from hypothesis import strategies as st

from todo_service.todos.search import search_text, title_key

START = datetime(2026, 11, 22, 10, tzinfo=UTC)
COLUMNS = (
    "user_id", "id", "title", "description", "completed", "completed_at", "priority", "created_at", "updated_at",
    "search_text", "title_key", "version", "seq", "deleted_at",
)  # fmt: skip
INSERT = f"INSERT INTO todos ({', '.join(COLUMNS)}) VALUES ({', '.join(f'${i + 1}' for i in range(len(COLUMNS)))})"
COUNT = """
INSERT INTO user_streams (user_id, epoch, seq, live_count) VALUES ($1, gen_random_uuid(), $2, 1)
ON CONFLICT (user_id) DO UPDATE SET seq = greatest(user_streams.seq, $2), live_count = user_streams.live_count + 1
"""
NUMBERS = count(1)

# What PostgreSQL can store and a client can send, and often the same few: ties are what orders are about.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
TITLES = st.sampled_from(["milk", "Milk", "mílk", "beer", "Zebra"]) | TEXT.filter(lambda text: text != "")
MOMENTS = st.integers(0, 3).map(lambda seconds: START + timedelta(seconds=seconds))
ROWS = st.fixed_dictionaries(
    {
        "title": TITLES,
        "description": st.none() | st.sampled_from(["milk", "two litres"]) | TEXT,
        "completed_at": st.none() | MOMENTS,
        "priority": st.integers(1, 5),
        "created_at": MOMENTS,
        "updated_at": MOMENTS,
        "id": st.integers(1, 2**64).map(lambda number: UUID(int=number)),
    }
)


def row(user_id: str, **fields: Any) -> dict[str, Any]:
    """Return a whole row; what is not given is plain."""
    default = {"id": uuid4(), "title": "milk", "description": None, "completed_at": None, "priority": 3}
    default |= {"version": 1, "seq": next(NUMBERS), "deleted_at": None}
    whole = {**default, "created_at": START, "updated_at": START, **fields, "user_id": user_id}
    whole["completed"] = whole["completed_at"] is not None
    whole["search_text"] = search_text(whole["title"], whole["description"])
    whole["title_key"] = title_key(whole["title"])
    return whole


async def store(connection: asyncpg.Connection, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`, live ones, and count them."""
    await connection.executemany(INSERT, [[one[column] for column in COLUMNS] for one in rows])
    await connection.executemany(COUNT, [(one["user_id"], one["seq"]) for one in rows])
