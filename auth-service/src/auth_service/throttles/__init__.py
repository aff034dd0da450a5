"""How often something may be tried, counted before it is done, so that many tries at once count as many.

A route asks for `LimitsDep`, and answers with what `Limits.count` returns if it returns something.
"""

from auth_service.throttles.errors import RateLimited
from auth_service.throttles.limits import Limits, LimitsDep
from auth_service.throttles.rules import Limit
from auth_service.throttles.throttles import Throttles

__all__ = ["Limit", "Limits", "LimitsDep", "RateLimited", "Throttles"]
