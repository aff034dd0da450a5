"""The outermost layer: a raw ASGI application that decides, in a fixed order, what becomes of a request.

Ids first, so that every answer carries one; then the address and the header fields; then what CORS says; then route and
method; then the client's token and its limits; then the size of the body. Until there nothing of a body is read and no
upstream is asked. Whatever goes wrong on the way ends here as a problem, with the same fields as every other answer.
"""

from typing import NamedTuple

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access_log import AccessLog
from gateway.configuration.settings import Settings
from gateway.cors import Cors
from gateway.exchange.bodies import too_large
from gateway.exchange.passage import Passage
from gateway.exchange.refusing import refuse
from gateway.exchange.reply import Reply, standing_fields
from gateway.exchange.visit import Visit
from gateway.heads.fields import Fields
from gateway.heads.headers import MAX_LENGTH_DIGITS, Pairs, request_fields
from gateway.heads.hosts import Hosts, host_of
from gateway.heads.identity import Identities
from gateway.limits import Limits, Standing
from gateway.problems import (
    BadFraming,
    ExpectationFailed,
    GatewayBug,
    NoRoute,
    NoSuchMethod,
    RateLimited,
    UnknownCoding,
)
from gateway.routing import Route, RoutingTable, check_target
from gateway.tokens import TokenCheck
from gateway.transport.failures import AnswerBroken
from gateway.watch import ClientGone
from shared.logging import request_context
from shared.problems import Problem

__all__ = ["Checks", "Edge"]

# Orchestrators ask a replica by its address, which no list of names holds.
ASKED_BY_ADDRESS = frozenset({b"/livez", b"/livez/", b"/readyz", b"/readyz/"})

log = structlog.get_logger()


class Checks(NamedTuple):
    """What is asked of a client before its request is passed on: who it is, and how often it comes."""

    tokens: TokenCheck
    limits: Limits


class Edge:
    """Serves the public port. `own` answers what the gateway has to say itself, `passage` leads to the upstreams."""

    def __init__(
        self, settings: Settings, own: ASGIApp, passage: Passage, access_log: AccessLog, checks: Checks
    ) -> None:
        config, public_url = settings.config, settings.environment.public_url
        self._routes = RoutingTable(config)
        self._cookies = {name: upstream.cookies for name, upstream in config.upstreams.items()}
        self._cors = Cors(config.cors, public_url)
        self._identities = Identities(settings.environment)
        self._standing = standing_fields(public_url)
        public_host = public_url.partition("://")[2]
        self._public_host = public_host.encode()
        self._hosts = Hosts([public_host, *config.server.hosts])
        self._tokens, self._limits = checks
        self._own = own
        self._passage = passage
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            # What the server hands to its connections, so that requests they cannot read are logged too.
            scope["state"]["access_log"] = self._access_log
            await self._own(scope, receive, send)
            return
        visit = self._visit(scope, receive, send)
        try:
            await self._answer(visit)
        except Problem as problem:
            await refuse(visit, problem)
        except ClientGone:
            visit.error = "client_gone"
        except AnswerBroken:
            # Without its end, the answer is broken off at the client too: nobody takes a half for the whole.
            visit.error = "upstream_broke_off"
        except Exception as error:  # the last resort of every request: whatever it is, the client gets a problem
            request_context(visit.identity.request_id, visit.identity.traceparent)
            log.error("unhandled", exc_info=error)
            await refuse(visit, GatewayBug())
        finally:
            self._access_log.add(visit.line())

    def _visit(self, scope: Scope, receive: Receive, send: Send) -> Visit:
        fields = Fields(scope["headers"])
        visit = Visit(scope, receive, fields, self._identities.of(scope, fields))
        fixed = [*self._cors.grants(visit.origin), (b"x-request-id", visit.identity.request_id.encode())]
        visit.reply = Reply(send, fixed, self._standing)
        return visit

    async def _answer(self, visit: Visit) -> None:
        passed = self._read_head(visit)
        method, route = visit.scope["method"], visit.route
        if method == "OPTIONS" and visit.origin is not None and visit.fields.all(b"access-control-request-method"):
            await _without_body(visit, self._cors.preflight(visit.origin, route))
            return
        self._cors.refuse_foreign_writes(method, visit.origin, visit.identity.scheme, visit.host)
        if route is None:
            raise NoRoute
        if method not in route.methods:
            raise NoSuchMethod(Allow=route.allow)
        if visit.scope["raw_path"] not in ASKED_BY_ADDRESS:
            _hold_to(visit, self._limits.flood(visit.identity.client))
        if method == "OPTIONS":
            await _without_body(visit, [(b"allow", route.allow.encode())])
        elif route.upstream is None:
            _check_body(visit, route)
            await self._answer_itself(visit)
        else:
            await self._check_client(visit, route)
            _check_body(visit, route)
            await self._passage.pass_on(visit, route.upstream, route, passed)

    def _read_head(self, visit: Visit) -> list[tuple[str, str]]:
        """Find host and route of a request; return those of its fields that go on to the upstream."""
        scope = visit.scope
        _check_framing(visit)
        visit.host = host_of(scope, visit.fields, self._public_host)
        if scope["raw_path"] not in ASKED_BY_ADDRESS:
            self._hosts.check(visit.host)
        check_target(scope["raw_path"], scope["query_string"])
        route = visit.route = self._routes.find(scope["raw_path"])
        takes_cookies = route is not None and route.upstream is not None and self._cookies[route.upstream]
        return request_fields(scope["headers"], visit.fields.all(b"connection"), cookies=takes_cookies)

    async def _check_client(self, visit: Visit, route: Route) -> None:
        """Refuse a request for which there is no room, no good token, or which is one too many of its client's."""
        self._passage.check_room(route)
        visit.user = await self._tokens.user_of(visit.fields.all(b"authorization"), route.auth)
        _hold_to(visit, await self._limits.count(route.limit, visit.identity.client, visit.user))

    async def _answer_itself(self, visit: Visit) -> None:
        request_context(visit.identity.request_id, visit.identity.traceparent)
        # The server leaves out the body of an answer to HEAD by itself.
        scope = {**visit.scope, "method": "GET"}
        await self._own(scope, visit.receive, visit.reply)


def _check_framing(visit: Visit) -> None:
    codings = visit.fields.all(b"transfer-encoding")
    if codings and visit.is_http_1_0:
        raise BadFraming("HTTP/1.0 knows no transfer codings.", Connection="close")
    if codings not in ([], [b"chunked"]):
        raise UnknownCoding(Connection="close")
    if len(visit.fields.one(b"content-length") or b"") > MAX_LENGTH_DIGITS:
        raise BadFraming("Content-Length has more digits than any length.", Connection="close")


def _check_body(visit: Visit, route: Route) -> None:
    if visit.declared_length > route.max_body:
        raise too_large(route.max_body)
    if any(expectation.lower() != b"100-continue" for expectation in visit.fields.all(b"expect")):
        raise ExpectationFailed


def _hold_to(visit: Visit, standing: Standing | None) -> None:
    """Tell the client where it stands with its limit, and refuse what is one too many."""
    if standing is not None:
        visit.limit_backend, visit.reply.limit = standing.backend, standing.fields
        if standing.retry_after is not None:
            raise RateLimited(standing.retry_after)


async def _without_body(visit: Visit, fields: Pairs) -> None:
    await visit.reply.start(204, fields)
    await visit.reply.body(b"", more=False)
