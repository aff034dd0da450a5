"""What an owner does with their todos, and the rules of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from shared.database import Database
from shared.ids import uuid7
from shared.tokens import Principal
from todo_service.notifications import todo_created
from todo_service.todos.cache import Page, PageCache
from todo_service.todos.errors import ReadOnlyField
from todo_service.todos.models import Todo
from todo_service.todos.query import TodoQuery
from todo_service.todos.repository import TodoRepository, read_page
from todo_service.todos.schemas import READ_ONLY, TodoCreate, TodoPatch, TodoPublic
from todo_service.todos.search import search_text, title_key

__all__ = ["TodoPages", "TodoService", "WantedPage"]


class TodoService:
    """The todos of one owner, to create and to change."""

    def __init__(self, todos: TodoRepository, owner: Principal, *, notifies: bool) -> None:
        self._todos = todos
        self._owner = owner
        self._notifies = notifies

    async def create(self, wanted: TodoCreate) -> TodoPublic:
        """Store a new todo and the event that mails its owner; raises `IdTaken`."""
        now = _now()
        public = TodoPublic(
            user_id=self._owner.id,
            id=wanted.id or uuid7(),
            title=wanted.title,
            description=wanted.description,
            completed=wanted.completed,
            completed_at=now if wanted.completed else None,
            priority=wanted.priority,
            created_at=now,
            updated_at=now,
        )
        event = todo_created(self._owner, public.id, public.title, now) if self._notifies else None
        await self._todos.add(public, _keys_of(wanted.title, wanted.description), event)
        return public

    async def change(self, todo_id: UUID, patch: TodoPatch) -> Todo:
        """Apply what `patch` sets and return the todo; raises `TodoNotFound` and `ReadOnlyField`.

        A patch that changes nothing writes nothing. Two that change different fields both survive.
        """
        todo = await self._todos.get_for_change(todo_id)
        sent = patch.model_dump(exclude_unset=True)
        different = {name: value for name, value in sent.items() if getattr(todo, name) != value}
        if refused := [name for name in READ_ONLY if name in different]:
            entries = [{"loc": ["body", name], "type": "read_only", "msg": "cannot be changed"} for name in refused]
            raise ReadOnlyField(f"Read-only: {', '.join(refused)}.", errors=entries)
        if different:
            _apply(todo, different, _now())
            await self._todos.save(todo)
        return todo


@dataclass(frozen=True, slots=True)
class WantedPage:
    """The page that a request asks for, whoever asks."""

    query: TodoQuery
    pages: "TodoPages"

    async def of(self, user_id: str) -> Page:
        """Return this page of the user's todos."""
        return await self.pages.page(user_id, self.query)


class TodoPages:
    """Pages of lists: from the cache, or from PostgreSQL and then into the cache."""

    def __init__(self, database: Database, cache: PageCache) -> None:
        self._database = database
        self._cache = cache

    async def page(self, user_id: str, query: TodoQuery) -> Page:
        """Return the page of the user's todos that `query` asks for. A hit takes no database connection."""
        if query.words:
            # Searches come once: kept, they would only push out the pages that come again.
            return await read_page(self._database, user_id, query)
        found = await self._cache.read(user_id, query.digest)
        if isinstance(found, Page):
            return found
        page = await read_page(self._database, user_id, query)
        if found is not None:
            await self._cache.fill(user_id, query.digest, found, page)
        return page

    async def clear(self, user_id: str) -> None:
        """Forget the user's pages, because a write of theirs has ended."""
        await self._cache.clear(user_id)


def _apply(todo: Todo, changes: dict[str, object], now: datetime) -> None:
    for name, value in changes.items():
        setattr(todo, name, value)
    if "completed" in changes:
        todo.completed_at = now if todo.completed else None
    if "title" in changes or "description" in changes:
        for name, key in _keys_of(todo.title, todo.description).items():
            setattr(todo, name, key)
    todo.updated_at = now


def _keys_of(title: str, description: str | None) -> dict[str, str]:
    """Return the columns by which a todo with these texts is found and sorted."""
    return {"search_text": search_text(title, description), "title_key": title_key(title)}


def _now() -> datetime:
    """Return the time as it is stored and shown, to the millisecond."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
