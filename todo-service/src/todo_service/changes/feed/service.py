"""The rules of the feed: when a client must begin anew, and where it goes on."""

from dataclasses import dataclass, replace

from shared.database import Database, Row
from todo_service.changes.feed.errors import SyncReset
from todo_service.changes.feed.query import FeedQuery
from todo_service.changes.feed.repository import Stretch, read_stretch
from todo_service.changes.feed.sync_token import SyncToken

__all__ = ["WantedChanges"]


@dataclass(frozen=True, slots=True)
class WantedChanges:
    """The changes that a request asks for, whoever asks."""

    query: FeedQuery
    database: Database

    async def of(self, user_id: str) -> bytes:
        """Return the answer's JSON; raises `InvalidCursor`, `SyncReset`, and as `Database.read` does."""
        position, limit = self.query.position, self.query.limit
        # One row more than the page holds says whether there is more.
        stretch = await read_stretch(self.database, user_id, position, limit + 1)
        _require_known(position, stretch)
        shown = stretch.changes[:limit]
        has_more = len(stretch.changes) > limit
        following = _moved(position, stretch, shown[-1]["seq"] if has_more else stretch.head)
        rest = f'],"next":"{following.encode()}","has_more":{"true" if has_more else "false"}}}'
        return f'{{"changes":[{",".join(map(_as_json, shown))}{rest}'.encode()


def _require_known(position: SyncToken, stretch: Stretch) -> None:
    """Refuse a position that this feed never had, or after which tombstones are missing."""
    if position.is_beginning:
        return
    # A restored backup has fewer numbers than were handed out, until its epochs are renewed.
    if position.epoch != stretch.epoch or max(position.seq, position.head) > stretch.head:
        raise SyncReset
    # Up to `head` the client needs no tombstones: it began its copy without what was deleted by then.
    if max(position.seq, position.head) < stretch.purged_seq:
        raise SyncReset


def _moved(position: SyncToken, stretch: Stretch, seq: int) -> SyncToken:
    if position.is_beginning:
        return SyncToken(stretch.epoch, seq, stretch.head, position.shows_trash)
    return replace(position, seq=seq)


def _as_json(change: Row) -> str:
    seq, todo_id, data = change["seq"], change["id"], change["json"]
    if data is None:
        return f'{{"kind":"todo","op":"delete","id":"{todo_id}","seq":{seq}}}'
    return f'{{"kind":"todo","op":"upsert","id":"{todo_id}","seq":{seq},"data":{data}}}'
