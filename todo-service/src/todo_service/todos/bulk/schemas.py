"""A bulk as clients send it, and what it answers."""

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from shared.bodies import Narrow
from todo_service.todos.bulk.judged import Judged
from todo_service.todos.conditions import IfMatch, etag
from todo_service.todos.schemas import OwnId, TodoCreate, TodoPatch, TodoPublic

__all__ = [
    "Bulk",
    "BulkAnswer",
    "CreateOperation",
    "DeleteOperation",
    "Operation",
    "OperationProblem",
    "OperationResult",
    "RestoreOperation",
    "UpdateOperation",
]

MAX_OPERATIONS = 100

ForVersion = Annotated[
    StrictInt | None,
    Field(description="The `version` that this is made for; with another one stored, it is a `stale_version`."),
]


class _OnVersion(Narrow):
    id: UUID
    if_match: ForVersion = None

    @property
    def named_id(self) -> UUID:
        """Which todo it is about."""
        return self.id

    @property
    def condition(self) -> IfMatch:
        """Which version the operation is made for."""
        return IfMatch() if self.if_match is None else IfMatch(etag(self.if_match))


class CreateOperation(Narrow):
    """As `POST /todos` with `data`."""

    op: Literal["create"]
    id: OwnId | None = Field(default=None, description="A UUID of your own, here or in `data`.")
    data: Judged[TodoCreate]

    @property
    def named_id(self) -> UUID | None:
        """The id that the client gives the todo, if any."""
        return self.id or (self.data.verdict.id if isinstance(self.data.verdict, TodoCreate) else None)


class UpdateOperation(_OnVersion):
    """As `PATCH /todos/{id}` with `data`."""

    op: Literal["update"]
    data: Judged[TodoPatch]


class DeleteOperation(_OnVersion):
    """As `DELETE /todos/{id}`."""

    op: Literal["delete"]
    permanent: StrictBool = Field(default=False, description="Not to the trash, and if it is there, out of it.")


class RestoreOperation(_OnVersion):
    """As `POST /todos/{id}/restore`."""

    op: Literal["restore"]


Operation: TypeAlias = CreateOperation | UpdateOperation | DeleteOperation | RestoreOperation


class Bulk(Narrow):
    """Operations on your todos, done in their order: each sees what those before it have left."""

    mode: Literal["atomic", "independent"] = Field(
        default="atomic",
        description="`atomic`: all of them or, when one cannot be done, none. `independent`: whichever can be done.",
    )
    operations: list[Annotated[Operation, Field(discriminator="op")]] = Field(min_length=1, max_length=MAX_OPERATIONS)


class OperationProblem(BaseModel):
    """Why an operation was not done (RFC 9457): what the single call is answered, with the same further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    instance: str | None
    code: str
    request_id: str | None


class OperationResult(BaseModel):
    """What became of an operation: as a request of its own it would have been answered so."""

    index: int = Field(description="Its place among the operations, from 0 on.")
    op: Literal["create", "update", "delete", "restore"]
    id: UUID | None = Field(description="The todo's; null when a create without one was refused.")
    status: int
    todo: TodoPublic | None = Field(default=None, description="The todo that it left. Absent when it left none.")
    problem: OperationProblem | None = Field(default=None, description="Why it was not done. Absent when it was.")


class BulkAnswer(BaseModel):
    """One result for each operation, in their order."""

    results: list[OperationResult]
