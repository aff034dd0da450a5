"""Links in mails that prove, once, that whoever follows them reads the address.

The worker makes the tokens (`OneTimeService.mint`) when it writes the mail; the API redeems them.
"""

from auth_service.one_time.errors import InvalidOrExpiredToken
from auth_service.one_time.repository import sweep_one_time_tokens
from auth_service.one_time.schemas import LinkToken
from auth_service.one_time.service import OneTime, OneTimeService
from auth_service.one_time.tokens import OneTimeTokens, Use

__all__ = [
    "InvalidOrExpiredToken",
    "LinkToken",
    "OneTime",
    "OneTimeService",
    "OneTimeTokens",
    "Use",
    "sweep_one_time_tokens",
]
