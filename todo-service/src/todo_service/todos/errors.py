"""What the todo routes refuse, beyond the problems that every service knows."""

from shared.problems import BadRequest, Conflict, NotFound, PreconditionFailed, Unprocessable

__all__ = [
    "CursorMismatch",
    "IdTaken",
    "InvalidCursor",
    "InvalidIfMatch",
    "ReadOnlyField",
    "SkipAndCursor",
    "StaleVersion",
    "TodoNotFound",
]


class TodoNotFound(NotFound):
    """No todo with this id belongs to the caller."""

    code, title = "todo_not_found", "No such todo"


class IdTaken(Conflict):
    """The caller already has a todo with this id: it is the member `current`."""

    code, title = "id_taken", "Id taken"


class StaleVersion(PreconditionFailed):
    """The todo has another version than the one that this was made for: it is the member `current`."""

    code, title = "stale_version", "Stale version"


class InvalidIfMatch(BadRequest):
    """`If-Match` must be one entity tag as answers carry it, such as `"3"`, or `*`."""

    code, title = "invalid_if_match", "Invalid If-Match"


class ReadOnlyField(Unprocessable):
    """The patch gives a read-only field another value than it has."""

    code, title = "read_only_field", "Read-only field"


class SkipAndCursor(Unprocessable):
    """`skip` and `cursor` both say where the page begins: give one of them."""

    code, title = "skip_and_cursor", "Both skip and cursor"


class InvalidCursor(Unprocessable):
    """The cursor is none that this service has handed out."""

    code, title = "invalid_cursor", "Invalid cursor"


class CursorMismatch(Unprocessable):
    """The cursor belongs to a list with other filters or another sort."""

    code, title = "cursor_mismatch", "Cursor of another list"
