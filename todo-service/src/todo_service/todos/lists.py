"""The lists: pages from the cache, or from PostgreSQL and then into the cache; or that the client has them already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.database import Database
from shared.entity_tags import is_known
from shared.metrics import Collector
from todo_service.todos.cache import Page, PageCache
from todo_service.todos.pages import read_page, read_state
from todo_service.todos.paging import Paging
from todo_service.todos.query import TodoQuery

__all__ = ["Answer", "TodoPages", "WantedPage"]


@dataclass(frozen=True, slots=True)
class Answer:
    """A page with its entity tag; `page` is None when the tag alone is known, and the client has the page."""

    etag: str
    page: Page | None
    is_known: bool


@dataclass(frozen=True, slots=True)
class WantedPage:
    """The page that a request asks for, whoever asks, and the entity tags of what the client has of it."""

    query: Paging
    known: Sequence[str]
    pages: "TodoPages"

    async def of(self, user_id: str) -> Answer:
        """Return this page of the user's todos; raises as `Database.read` does."""
        return await self.pages.answer(user_id, self.query, self.known)


class TodoPages:
    """Pages of all lists."""

    def __init__(self, database: Database, cache: PageCache) -> None:
        self._database = database
        self._cache = cache

    @property
    def metrics(self) -> Iterable[Collector]:
        """What the cache was good for."""
        return self._cache.metrics

    async def answer(self, user_id: str, query: Paging, known: Sequence[str]) -> Answer:
        """Return the page of the user's todos that `query` asks for. A hit takes no database connection.

        Without a hit, a client that names what it knows is first compared with the counter, which costs less than the
        page, and often that is the whole answer. Raises as `Database.read` does.
        """
        # Searches come once: kept, they would only push out the pages that come again. The trash is seldom looked at.
        is_kept = isinstance(query, TodoQuery) and not query.filters.words
        found = await self._cache.read(user_id, query.digest) if is_kept else None
        if not isinstance(found, Page):
            if known and is_known(known, tag := query.etag(await read_state(self._database, user_id))):
                return Answer(tag, None, is_known=True)
            page = await read_page(self._database, user_id, query)
            if found is not None:
                await self._cache.fill(user_id, query.digest, found, page)
            found = page
        tag = query.etag(found.state)
        return Answer(tag, found, is_known=is_known(known, tag))

    async def clear(self, user_id: str) -> None:
        """Forget the user's pages, because a write of theirs has ended."""
        await self._cache.clear(user_id)
