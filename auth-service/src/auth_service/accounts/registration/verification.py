"""Following a link that verifies an address."""

from typing import Annotated

from fastapi import Depends, Request, Response

from auth_service.accounts.registration.address_link import AddressLinks
from auth_service.accounts.registration.cookie import SignUpCookieDep
from auth_service.accounts.registration.errors import ProofRequired
from auth_service.accounts.registration.links import Link, Shown
from auth_service.accounts.registration.schemas import Verification
from auth_service.accounts.registration.sign_up_link import SignUpLinks
from auth_service.audit import Audit
from auth_service.one_time import InvalidOrExpiredToken, OneTime, OneTimeTokens
from auth_service.passwords import HasherDep
from auth_service.passwords.proof import PasswordProof, Proofs
from auth_service.sessions import InvalidCredentials, PresentedUser
from shared.database import Session
from shared.problem_responses import problem_response
from shared.request_session import SessionDep

__all__ = ["EmailVerifier", "EmailVerifierDep", "ShownWithLink"]


class EmailVerifier:
    """Lets those follow a link who show that it is theirs, in one transaction."""

    def __init__(
        self, request: Request, database: Session, passwords: PasswordProof, links: tuple[SignUpLinks, AddressLinks]
    ) -> None:
        self._request = request
        self._database = database
        self._passwords = passwords
        self._links = links

    async def prove(self, verification: Verification, shown: Shown) -> Link | Response:
        """Return the link, proven to be its follower's; else the refusal, which is to be returned, not raised.

        Raises `InvalidOrExpiredToken`, `ProofRequired`, which leaves the link as it is, and `Overloaded`.
        """
        link = await self._find(verification.token)
        if await link.is_proven_by(shown):
            return link
        if verification.password is None:
            raise ProofRequired
        # The link was only read: neither Redis nor a thread is waited for with a connection in hand.
        await self._database.rollback()
        too_many = await self._passwords.count(link.email)
        if too_many is not None:
            return too_many
        if not await link.is_opened_by(verification.password):
            return problem_response(InvalidCredentials(), self._request.scope)
        self._passwords.note_success(link.email)
        return link

    async def _find(self, token: str) -> Link:
        sign_ups, addresses = self._links
        link = await sign_ups.find(OneTimeTokens.digest(token)) or await addresses.find(token)
        if link is None:
            raise InvalidOrExpiredToken
        return link


async def address_links(database: SessionDep, one_time: OneTime, passwords: Proofs, audit: Audit) -> AddressLinks:
    """Return the links of accounts, in this request's transaction."""
    return AddressLinks(database, one_time, passwords, audit)


async def sign_up_links(database: SessionDep, hasher: HasherDep, audit: Audit) -> SignUpLinks:
    """Return the links of those who wait, in this request's transaction."""
    return SignUpLinks(database, hasher, audit)


async def shown_with_link(cookie: SignUpCookieDep, user: PresentedUser) -> Shown:
    """Return what came with the link by itself."""
    return Shown(cookie, user)


async def email_verifier(
    request: Request,
    database: SessionDep,
    passwords: Proofs,
    sign_ups: Annotated[SignUpLinks, Depends(sign_up_links)],
    addresses: Annotated[AddressLinks, Depends(address_links)],
) -> EmailVerifier:
    """Return what lets links be followed, in this request's transaction."""
    return EmailVerifier(request, database, passwords, (sign_ups, addresses))


EmailVerifierDep = Annotated[EmailVerifier, Depends(email_verifier)]
"""Lets those follow a link who show that it is theirs."""

ShownWithLink = Annotated[Shown, Depends(shown_with_link)]
"""The cookie and the access token that came with the link."""
