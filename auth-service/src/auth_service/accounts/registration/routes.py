"""Register, and show that you read your address."""

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse

from auth_service.accounts.errors import EmailTaken
from auth_service.accounts.registration.cookie import SignUpCookieDep
from auth_service.accounts.registration.errors import ProofRequired
from auth_service.accounts.registration.schemas import Registration, Resending, Verification, VerificationSent
from auth_service.accounts.registration.service import RegistrarDep
from auth_service.accounts.registration.verification import EmailVerifierDep, ShownWithLink
from auth_service.audit import Audited
from auth_service.browser import BODY_PROBLEMS, BROWSER_PROBLEMS, SETS_COOKIE, refuse_cross_site
from auth_service.one_time import InvalidOrExpiredToken
from auth_service.outbox import Mail, ask_for_mail
from auth_service.passwords import Overloaded, WeakPassword
from auth_service.sessions import InvalidCredentials, Opener, TokenResponse
from auth_service.throttles import Limit, LimitsDep, RateLimited
from shared.caller import RepeatedAuthorization
from shared.problem_responses import documents
from shared.request_session import SessionDep
from shared.tokens import KeysUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/auth", tags=["auth"])

BINDS_BROWSER: dict[str, object] = {
    "model": VerificationSent,
    "description": "With `EMAIL_VERIFICATION=required`: a mail says how it goes on, whether or not there is an account",
    "headers": {
        "Set-Cookie": {
            "description": "By it the browser is known again when the link is followed there; not for an app.",
            "schema": {"type": "string"},
        }
    },
}


@router.post(
    "/register",
    status_code=201,
    summary="Create an account",
    response_description="The tokens of the first session",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    dependencies=[Depends(refuse_cross_site)],
    responses={
        201: SETS_COOKIE,
        202: BINDS_BROWSER,
        **documents(EmailTaken, WeakPassword, RateLimited, Overloaded, KeysUnavailable, *BROWSER_PROBLEMS),
    },
)
async def register(
    registration: Registration, limits: LimitsDep, registrar: RegistrarDep, cookie: SignUpCookieDep, opener: Opener
) -> TokenResponse | Response:
    """Create an account and open its first session.

    Tokens come as they do from a login: the access token in the answer, the refresh token in a cookie, or in the
    answer too with `X-Token-Delivery: body`.

    Where addresses are verified first (`EMAIL_VERIFICATION=required`) the answer is 202 for every address: there is no
    account, and no 409, until the link in the mail has been followed (`POST /auth/email/verify`).
    """
    mail_to = registration.email if registrar.verifies_first else None
    too_many = await limits.count(Limit.REGISTRATIONS, mail_to=mail_to)
    if too_many is not None:
        return too_many
    if not registrar.verifies_first:
        return await opener.open(await registrar.create_account(registration), Audited.REGISTERED)
    answer = JSONResponse(VerificationSent().model_dump(), 202, headers={"Cache-Control": "no-store"})
    await registrar.wait_for_link(registration, cookie.bind(answer))
    return answer


@router.post(
    "/email/verify",
    summary="Verify your address",
    response_description="Your account exists now: the tokens of its first session",
    response_model=TokenResponse,
    response_model_exclude_unset=True,
    dependencies=[Depends(refuse_cross_site)],
    responses={
        200: SETS_COOKIE,
        204: {"description": "The address of your account is verified"},
        **documents(
            *(RepeatedAuthorization, InvalidOrExpiredToken, ProofRequired, InvalidCredentials),
            *(RateLimited, Overloaded, KeysUnavailable, *BROWSER_PROBLEMS),
        ),
    },
    # The token is welcome, not demanded, which OpenAPI writes as an alternative to no security at all.
    openapi_extra={"security": [{"HTTPBearer": []}, {}]},
)
async def verify_email(
    verification: Verification, shown: ShownWithLink, limits: LimitsDep, verifier: EmailVerifierDep, opener: Opener
) -> TokenResponse | Response:
    """Follow the link of the mail: send what stands in it after `#token=`, once, within 24 hours.

    The link alone is not enough, because somebody else may have registered your address with a password of theirs. In
    the browser that has registered a cookie is the proof; for an account that exists its access token is. Elsewhere
    the answer is 401 `proof_required`: ask for the password, and send it too. Five wrong ones end the link.

    Whoever has registered is signed in by it, as by a login.
    """
    too_many = await limits.count(Limit.ONE_TIME_TOKENS)
    if too_many is not None:
        return too_many
    link = await verifier.prove(verification, shown)
    if isinstance(link, Response):
        return link
    account = await link.redeem()
    if link.opens_session:
        return await opener.open(account, Audited.VERIFIED)
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


@router.post(
    "/email/resend",
    status_code=202,
    response_model=dict[str, str],
    summary="Ask for the link that verifies your address",
    response_description="A mail is on its way if there is something to verify",
    responses=documents(RateLimited, *BODY_PROBLEMS),
)
async def resend_verification(
    resending: Resending, limits: LimitsDep, database: SessionDep
) -> dict[str, str] | Response:
    """Have the link mailed to somebody who has registered and not followed it yet, or whose account is not verified.

    The answer is the same whatever is known about the address: nothing is looked up before it.
    """
    too_many = await limits.count(Limit.MAILS_ASKED, mail_to=resending.email)
    if too_many is not None:
        return too_many
    await ask_for_mail(database, Mail.VERIFY_EMAIL, {"email": resending.email})
    return {}
