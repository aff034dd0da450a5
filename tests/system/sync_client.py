"""A client that keeps a copy of one user's todos, works without a network, and loses nothing: the reference for yours.

    device = SyncClient(http, Path("todos.json"))
    todo_id = device.create("Buy milk")          # at once, on a train too
    device.change(todo_id, completed=True)
    await device.sync()                          # send what is queued, fetch what has changed
    device.todos()                               # the copy, with what is still queued on top

Four rules make it safe against lost answers, crashes at any moment, and everybody else's writes:

1. All that it knows is one file, replaced whole: the copy and its token can never be apart.
2. Ids are its own and changes name the version they are made for, so a write may be sent any number of times.
3. Only the feed changes the copy. Answers to writes do not: they may be older than what the feed has told already.
4. On 410 the copy is dropped and the queue is kept.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

Todo = dict[str, Any]
Write = dict[str, Any]
Merge = Callable[[Todo, Todo], Todo]
"""From a todo as it is now and the fields that were to be set on an older one: the fields to set on this one."""


def mine_wins(current: Todo, fields: Todo) -> Todo:
    """What this device has set stays; what it has not set is left as others made it."""
    return fields


class TryLater(Exception):
    """The server cannot be reached or is busy. Nothing is lost: call `sync` again."""


class SyncClient:
    """One device of one user. `http` knows the address and sends the access token."""

    def __init__(self, http: httpx.AsyncClient, file: Path, merge: Merge = mine_wins) -> None:
        """Go on from `file`, or begin when there is none."""
        self._http, self._file, self._merge = http, file, merge
        state = json.loads(file.read_text()) if file.exists() else {"token": None, "copy": {}, "queue": []}
        self._token: str | None = state["token"]
        self._copy: dict[str, Todo] = state["copy"]
        self._queue: list[Write] = state["queue"]

    def todos(self) -> list[Todo]:
        """Return what is outside the trash, as this device sees it."""
        return [todo for todo in self._seen().values() if todo["deleted_at"] is None]

    def find(self, todo_id: str) -> Todo | None:
        """Return a todo as this device sees it, also one in the trash."""
        return self._seen().get(todo_id)

    def create(self, title: str, **fields: Any) -> str:
        """Add a todo and return its id."""
        todo_id = str(uuid4())
        self._enqueue("create", todo_id, {"title": title, **fields})
        return todo_id

    def change(self, todo_id: str, **fields: Any) -> None:
        """Set fields of a todo. Like the other two, it raises KeyError for one that this device does not see."""
        self._enqueue("update", todo_id, fields)

    def delete(self, todo_id: str) -> None:
        """Put a todo into the trash."""
        self._enqueue("delete", todo_id, {})

    def restore(self, todo_id: str) -> None:
        """Take a todo out of the trash."""
        self._enqueue("restore", todo_id, {})

    async def sync(self) -> None:
        """Send what is queued, each todo's in its order, then fetch what has changed. Raises `TryLater`."""
        while writes := self._next_writes():
            bulk = {"mode": "independent", "operations": [_operation(write) for write in writes]}
            answer = (await self._request("POST", "/todos/bulk", json=bulk)).json()
            for write, result in zip(writes, answer["results"], strict=True):
                self._settle(write, result)
            self._save()
        has_more = True
        while has_more:
            has_more = await self._fetch()
            self._save()

    def _next_writes(self) -> list[Write]:
        """Return what to send next: of each todo one write, for only its answer tells what the one behind finds."""
        firsts: dict[str, Write] = {}
        for write in self._queue:
            if not write["done"]:
                firsts.setdefault(write["id"], write)
        return list(firsts.values())[:100]

    def _settle(self, write: Write, result: dict[str, Any]) -> None:
        """Take note of what became of a write: it is done, or has to be made for another version."""
        problem = result.get("problem", {})
        match problem.get("code"):
            case None if write["op"] == "delete":
                known = self.find(write["id"])
                self._done(write, known and {**known, "version": write["version"] + 1, "deleted_at": "just now"})
            case None:
                self._done(write, result["todo"])
            case "id_taken" | "stale_version":  # Somebody was faster, or an earlier try has arrived.
                self._rebase(write["id"], problem["current"])
                if _has_arrived(write, problem["current"]):
                    self._done(write, problem["current"])
            case "todo_not_found":  # It is deleted, here or elsewhere, and the feed tells so.
                self._done(write, None)
            case _:  # For a person to see, in a real app: too many todos, for example.
                raise AssertionError(problem)

    def _rebase(self, todo_id: str, current: Todo) -> None:
        """Make what is still queued for a todo fit what others have made of it."""
        for write in self._queue:
            if write["id"] == todo_id and not write["done"]:
                write["version"] = current["version"]
                if write["op"] == "update":
                    write["fields"] = self._merge(current, write["fields"])

    def _done(self, write: Write, left: Todo | None) -> None:
        """Mark a write. Those behind it on the same todo were made for what it has left."""
        write |= {"done": True, "left": left}
        for later in self._queue:
            if later["id"] == write["id"] and not later["done"]:
                later["version"] = (left or write)["version"]

    async def _fetch(self) -> bool:
        """Apply one page of the feed and return whether there is more."""
        place = {"include_trash": "true"} if self._token is None else {"since": self._token}
        response = await self._request("GET", "/changes", params=place)
        answer = response.json()
        if response.status_code == 410:
            self._token, self._copy = None, {}
            return True
        assert response.status_code == 200, response.text
        for change in answer["changes"]:
            if change["op"] == "upsert":
                self._copy[change["id"]] = change["data"]
            else:
                self._copy.pop(change["id"], None)
        self._token = answer["next"]
        if not answer["has_more"]:
            # What was acknowledged before this walk is in the copy now.
            self._queue = [write for write in self._queue if not write["done"]]
        return bool(answer["has_more"])

    async def _request(self, method: str, url: str, **options: Any) -> httpx.Response:
        try:
            response = await self._http.request(method, url, **options)
        except httpx.TransportError as error:
            raise TryLater from error
        if response.status_code in {401, 429} or response.status_code >= 500:
            raise TryLater(response.text)
        return response

    def _seen(self) -> dict[str, Todo]:
        """Return the copy with the queue on top."""
        seen = dict(self._copy)
        for write in self._queue:
            todo = seen.get(write["id"], {"version": None, "deleted_at": None})
            if write["done"] and write["left"] is not None:
                # The feed may have told a later version already.
                seen[write["id"]] = max(todo, write["left"], key=lambda known: known["version"] or 0)
            elif not write["done"] and (write["op"] == "create" or write["id"] in seen):
                deleted_at = {"delete": "just now", "restore": None}.get(write["op"], todo["deleted_at"])
                seen[write["id"]] = {**todo, **write["fields"], "id": write["id"], "deleted_at": deleted_at}
        return seen

    def _enqueue(self, op: str, todo_id: str, fields: Todo) -> None:
        todo = self.find(todo_id)
        if op != "create" and todo is None:
            raise KeyError(todo_id)
        # Behind another write on the same todo, the version becomes known when that one is done.
        waits = any(not write["done"] for write in self._queue if write["id"] == todo_id)
        version = None if todo is None or waits else todo["version"]
        write = {"op": op, "id": todo_id, "fields": fields, "version": version, "done": False, "left": None}
        self._queue.append(write)
        self._save()

    def _save(self) -> None:
        """Replace the file: after a crash it holds all of the last save or of this one."""
        state = {"token": self._token, "copy": self._copy, "queue": self._queue}
        fresh = self._file.with_suffix(".new")
        with fresh.open("w") as stream:
            json.dump(state, stream)
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(self._file)


def _operation(write: Write) -> dict[str, Any]:
    """Return a write as an operation of a bulk: what it was made for, and what it sets."""
    parts = {"create": ("data",), "update": ("if_match", "data")}.get(write["op"], ("if_match",))
    known = {"if_match": write["version"], "data": write["fields"]}
    return {"op": write["op"], "id": write["id"], **{part: known[part] for part in parts}}


def _has_arrived(write: Write, current: Todo) -> bool:
    """Return whether nothing is left to do, because the todo is there, or is as `write` wants it."""
    if write["op"] == "update":
        return all(current[name] == value for name, value in write["fields"].items())
    return write["op"] == "create" or (write["op"] == "restore" and current["deleted_at"] is None)
