"""Bulks as tests write them, and the single calls that do the same."""

from typing import Any
from uuid import uuid4

import httpx

from tests.todo_service.harness import Caller

Operation = dict[str, Any]
PATH = "/todos/bulk"


def create(title: str = "Buy milk", todo_id: str | None = None, **fields: Any) -> Operation:
    """Create a todo, with an id of its own."""
    return {"op": "create", "id": todo_id or str(uuid4()), "data": {"title": title, **fields}}


def on(todo_id: str, op: str, **members: Any) -> Operation:
    """Do something to a todo; what is not among the members of an operation is its `data`."""
    envelope = {name: members.pop(name) for name in ("if_match", "permanent") if name in members}
    return {"op": op, "id": todo_id, **envelope, **({"data": members} if op == "update" else {})}


async def send(caller: Caller, *operations: Operation, mode: str = "independent") -> httpx.Response:
    """Send a bulk."""
    return await caller.post(PATH, json={"mode": mode, "operations": operations})


async def results_of(caller: Caller, *operations: Operation) -> list[dict[str, Any]]:
    """Send an independent bulk and return its results."""
    response = await send(caller, *operations)
    assert response.status_code == 207, response.text
    return response.json()["results"]


async def alone(caller: Caller, operation: Operation) -> httpx.Response:
    """Send an operation as a call of its own."""
    todo_id, data = operation.get("id"), operation.get("data")
    version = operation.get("if_match")
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    match operation["op"]:
        case "create":
            named = data | {"id": todo_id} if todo_id else data
            return await caller.post("/todos", json=named)
        case "update":
            return await caller.patch(f"/todos/{todo_id}", json=data, headers=headers)
        case "delete":
            query = "?permanent=true" if operation.get("permanent") else ""
            return await caller.delete(f"/todos/{todo_id}{query}", headers=headers)
        case _:
            return await caller.post(f"/todos/{todo_id}/restore", headers=headers)


def statuses(results: list[dict[str, Any]]) -> list[int]:
    """Return the status of each result."""
    return [result["status"] for result in results]
