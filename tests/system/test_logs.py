"""What the processes print is joined by one id."""

import json

import pytest

from tests.waiting import until

pytestmark = pytest.mark.kills


def lines_with(output: str, request_id: str) -> list[dict]:
    """Return the JSON lines of all processes that carry this id."""
    found = [line[line.index("{") :] for line in output.splitlines() if request_id in line]
    return [json.loads(line) for line in found]


class TestTheOutput:
    async def test_one_request_id_joins_all_processes(self, running_set, new_person, mail_arrives):
        """One POST /todos: the same id in gateway, todo-service, todo-worker and in the answer."""
        ada = await new_person()
        created = await ada.create("Follow me")
        await mail_arrives(ada.email, "Todo created: Follow me")
        wanted, request_id = {"gateway", "todo-service", "todo-worker"}, created.headers["x-request-id"]

        def has_reached_all() -> bool:
            return wanted <= {line["service"] for line in lines_with(running_set.output(), request_id)}

        await until(has_reached_all)
