"""What `GET /changes` answers. `service` writes it without these models: they describe it in OpenAPI."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from todo_service.todos.schemas import TodoPublic

__all__ = ["Changes"]

Seq = Annotated[int, Field(description="The number of the change: one more with each change of yours.")]


class Upsert(BaseModel):
    """The object is there, and this is what it is now."""

    kind: Literal["todo"]
    op: Literal["upsert"]
    id: UUID
    seq: Seq
    data: TodoPublic


class Delete(BaseModel):
    """The object is gone."""

    kind: Literal["todo"]
    op: Literal["delete"]
    id: UUID
    seq: Seq


class Changes(BaseModel):
    """Changes in their order, each object at its latest state only."""

    changes: list[Annotated[Upsert | Delete, Field(discriminator="op")]]
    next: str = Field(description="Give it back as `since`. Keep it together with what you have applied.")
    has_more: bool = Field(description="Whether to ask again at once.")
