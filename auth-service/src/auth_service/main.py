"""The composition root: settings, resources, routes."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

import structlog
from fastapi import Depends, FastAPI, Response

from auth_service.accounts.deletion.routes import router as deletion
from auth_service.accounts.email_change.routes import router as email_change
from auth_service.accounts.registration.routes import router as registration
from auth_service.accounts.routes import router as accounts
from auth_service.browser import RefreshCookie
from auth_service.derivation import Purpose, derived_keys
from auth_service.devices import DeviceCookie
from auth_service.keys import KeyRing, Seal, TokenIssuer
from auth_service.keys.routes import router as keys
from auth_service.oauth import install_oauth_errors
from auth_service.oauth.routes import metadata_router
from auth_service.oauth.routes import router as oauth
from auth_service.one_time import OneTimeTokens
from auth_service.passwords import PasswordHasher, PasswordPolicy
from auth_service.passwords.routes import router as passwords
from auth_service.sessions import RefreshTokens, Turns
from auth_service.sessions.routes import router as sessions
from auth_service.settings import AuthSettings
from auth_service.tables import SCHEMA
from auth_service.throttles import Throttles
from shared.body_limit import BodyLimit
from shared.database import Database
from shared.drain import Drain, Draining
from shared.faults import install_problem_handlers
from shared.health import Health
from shared.health_routes import router as health_router
from shared.logging import configure_logging
from shared.metrics import Metrics
from shared.paths import BothSpellings
from shared.redis import RedisClient
from shared.request_log import RequestLog
from shared.request_metrics import Requests
from shared.resources import opens
from shared.settings import load
from shared.tokens import Revocations
from shared.tokens.feed import followed
from shared.tokens.verifier import Verifier

__all__ = ["create_app"]

PROCESS = "auth-service"
MAX_BODY_BYTES = 16 * 1024

DESCRIPTION = "Accounts, sessions, and the access tokens that every other service verifies."
TAGS = [
    {"name": "auth", "description": "Your account, and the tokens of your sessions."},
    {
        "name": "oauth",
        "description": "The same for OAuth clients: forms, and errors as `error` and `error_description`.",
    },
    {"name": "keys", "description": "How other services verify an access token."},
]


def create_app(settings: AuthSettings | None = None) -> FastAPI:
    """Return the app. Without `settings` they are read from the environment; faulty ones end the process."""
    settings = settings or load(AuthSettings, PROCESS)
    configure_logging(PROCESS, settings.log_level, settings.log_format)
    _warn(settings)
    drain, requests = Drain(settings.drain_seconds), Requests()
    app = FastAPI(
        title=PROCESS,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        lifespan=_resources(settings, drain, requests),
    )
    _make_tools(app, settings)
    _add_routes(app)
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES)
    app.add_middleware(BothSpellings)
    app.add_middleware(RequestLog, trusts=settings.trusts, requests=requests)
    app.add_middleware(Draining, drain=drain)
    return app


def _make_tools(app: FastAPI, settings: AuthSettings) -> None:
    """Give the app what needs no opening and no closing."""
    app.state.settings = settings
    app.state.refresh_cookie = RefreshCookie(settings)
    app.state.device_cookie = DeviceCookie(settings, derived_keys(settings, Purpose.DEVICE))
    app.state.one_time_tokens = OneTimeTokens(derived_keys(settings, Purpose.ONE_TIME))
    app.state.refresh_tokens = RefreshTokens(derived_keys(settings, Purpose.REFRESH))
    app.state.refresh_turns = Turns()


def _add_routes(app: FastAPI) -> None:
    install_problem_handlers(app)
    install_oauth_errors(app)
    for router in (registration, accounts, deletion, email_change, passwords, sessions):
        app.include_router(router, dependencies=[Depends(_keep_out_of_caches)])
    app.include_router(oauth)
    app.include_router(metadata_router)
    app.include_router(keys)
    app.include_router(health_router)


def _warn(settings: AuthSettings) -> None:
    if settings.environment == "production" and not settings.verifies_first:
        why = "EMAIL_VERIFICATION=off: nobody shows that an address is theirs, and register tells which ones are taken"
        structlog.get_logger().warning("email_verification_off", why=why)


def _resources(
    settings: AuthSettings, drain: Drain, requests: Requests
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    seal = Seal(derived_keys(settings, Purpose.KEY_ENCRYPTION))
    throttle_key = derived_keys(settings, Purpose.THROTTLE)[0]
    policy = PasswordPolicy(settings.password_min_length, settings.public_host)
    redis_url = settings.redis_url.get_secret_value()
    return opens(
        database=lambda _: Database.open(settings.database_url.get_secret_value(), PROCESS, schema=SCHEMA),
        redis=lambda _: RedisClient.open(redis_url),
        throttles=lambda state: nullcontext(Throttles(state.redis, throttle_key, settings.throttle_factor)),
        keys=lambda state: KeyRing.open(state.database.sessions, seal),
        # This service reads from its table who may still call; of a stolen key it must hear as fast as all others.
        revocations=lambda state: followed(redis_url, Revocations(), state.keys.reread),
        issuer=lambda state: nullcontext(TokenIssuer(settings, state.keys)),
        verifier=lambda state: nullcontext(Verifier(settings, state.keys, revocations=state.revocations)),
        hasher=lambda _: PasswordHasher.open(settings.hash_workers, policy),
        metrics=lambda state: nullcontext(
            Metrics(requests, state.database, state.redis, state.verifier, state.throttles)
        ),
        # Redis is no check: without it every process counts attempts on its own.
        health=lambda state: Health.serve(
            *(settings.admin_address, settings.admin_port, drain.check, state.database.check, state.keys.check),
            metrics=state.metrics,
            parts={"postgres": state.database.snapshot, "redis": state.redis.snapshot},
            throttles=state.throttles.remark,
        ),
        drain=lambda _: drain.delaying_stop(),
    )


async def _keep_out_of_caches(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"
