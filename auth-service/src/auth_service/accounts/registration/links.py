"""Links that verify an address: of somebody who signs up, or of an account that is not verified yet.

Whoever reads the mail has shown that the address is theirs, and not that they chose the password: somebody else may
have registered it. So each link asks for a proof beside it, and without one nothing happens to the link.
"""

from dataclasses import dataclass
from typing import Protocol

from auth_service.accounts.registration.cookie import SignUpCookie
from auth_service.accounts.service import Account
from shared.tokens import Principal

__all__ = ["Link", "Shown"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What comes with the link by itself: the cookie of the browser, and whom the access token names."""

    cookie: SignUpCookie
    user: Principal | None


class Link(Protocol):
    """A link that works, as it was read without a lock."""

    @property
    def email(self) -> str:
        """The address that it verifies."""

    @property
    def opens_session(self) -> bool:
        """Whether following it is a login: it is the first one of an account."""

    async def is_proven_by(self, shown: Shown) -> bool:
        """Whether this shows that its follower has asked for the account."""

    async def is_opened_by(self, password: str) -> bool:
        """Whether it is the account's password, after the work of one hash; raises `Overloaded`.

        A wrong one is counted, at the fifth time the link ends, and written down: the answer must not be raised.
        """

    async def redeem(self) -> Account:
        """Use the link up: return the account of the address, which is verified from now on, and locked or new.

        Everybody else who has registered the address, and waits, does so in vain. Raises `InvalidOrExpiredToken` when
        the link does not work any more.
        """
