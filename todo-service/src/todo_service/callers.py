"""Who may ask for what: callers by the scope of their token, and the problems that any of them may be answered."""

from typing import Annotated

from fastapi import Depends

from shared.caller import CALLER_PROBLEMS, InsufficientScope, require_scope
from shared.problems import Busy, DatabaseUnavailable
from shared.tokens import Principal

__all__ = ["OF_CALLERS", "Reader", "Writer", "the_reader"]

OF_CALLERS = (*CALLER_PROBLEMS, InsufficientScope, Busy, DatabaseUnavailable)
"""What any route can answer that knows its caller and asks the database."""

the_reader = require_scope("todos:read")

Reader = Annotated[Principal, Depends(the_reader)]
"""The caller, who may read todos."""

Writer = Annotated[Principal, Depends(require_scope("todos:write"))]
"""The caller, who may change todos."""
