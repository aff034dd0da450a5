"""What whoever deletes their account is told."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

__all__ = ["DeletionAsked"]


class DeletionAsked(BaseModel):
    """An account that is to go."""

    purge_after: Annotated[datetime, Field(description="Until then a login restores the account.")]
