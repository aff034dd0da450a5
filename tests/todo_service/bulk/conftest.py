"""What a bulk leaves in the tables."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.todo_service.harness import Caller

STATE = """
SELECT
  (SELECT json_agg(one ORDER BY one.seq) FROM todos one WHERE user_id = $1) AS todos,
  (SELECT json_agg(one ORDER BY one.seq) FROM tombstones one WHERE user_id = $1) AS tombstones,
  (SELECT row_to_json(one) FROM user_streams one WHERE user_id = $1) AS counter,
  (SELECT count(*) FROM outbox WHERE user_id = $1) AS mails
"""

State = Callable[[Caller], Awaitable[dict[str, Any]]]


@pytest.fixture
def state(table) -> State:
    """`await state(ada)`: all that is stored of her."""

    async def of(caller: Caller) -> dict[str, Any]:
        return dict(await table.fetchrow(STATE, caller.user_id))

    return of
