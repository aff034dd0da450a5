"""The passage of one request to its upstream and of the answer back, bytes left alone."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from gateway.answer import Answer
from gateway.bodies import HELD_BYTES, RequestBody, discard
from gateway.client import UpstreamClient
from gateway.config import ServerConfig
from gateway.failures import AnswerBroken, NotSent, UpstreamFailure
from gateway.headers import VIA, Pairs, answer_fields
from gateway.locations import Locations
from gateway.outgoing import Outgoing
from gateway.problems import (
    Refusal,
    UpstreamConnectTimeout,
    UpstreamProtocol,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.routing import Route
from gateway.visit import Visit
from gateway.watch import Watch
from gateway.whole import collected_for, refuse_streams
from shared.problems import Busy

__all__ = ["Passage"]


class _StreamEnds(Exception):
    """The gateway stops, and with it the answers that would go on for ever."""


class Passage:
    """Sends requests on to the upstreams, each of them once."""

    def __init__(self, clients: Mapping[str, UpstreamClient], server: ServerConfig, locations: Locations) -> None:
        self._clients = clients
        self._server = server
        self._locations = locations
        self._streams: set[Watch] = set()
        self._is_closing = False

    def end_streams(self) -> None:
        """End the answers that would not end by themselves, those that are under way and those that still begin."""
        self._is_closing = True
        for watch in self._streams:
            watch.stop(_StreamEnds())

    async def pass_on(self, visit: Visit, upstream: str, route: Route, passed: list[tuple[str, str]]) -> None:
        """Send the request with its `passed` fields to `upstream` and its answer to the client.

        Raises a `Refusal` or `Busy` while nothing is answered yet, afterwards `AnswerBroken`; `ClientGone` at any time.
        """
        refuse_streams(visit)
        try:
            await self._pass_on(visit, self._clients[upstream], route, passed)
        except _StreamEnds:
            if not visit.reply.is_started:
                raise Busy from None
            # A whole end: the client has lost nothing and comes again, by then to a gateway that stays.
            await visit.reply.body(b"", more=False)

    async def _pass_on(self, visit: Visit, client: UpstreamClient, route: Route, passed: list[tuple[str, str]]) -> None:
        with Watch() as watch, self._streaming(visit, route, watch):
            body = RequestBody(visit.receive, route.max_body, visit.declared_length, self._server)
            try:
                request = await self._outgoing(visit, body, watch, client.idle_seconds)
                request.fields = [*passed, *_own_fields(visit)]
                request.idle_seconds = route.idle_seconds
                await self._exchange(visit, client, request, body)
            finally:
                visit.bytes_in = body.received

    @contextmanager
    def _streaming(self, visit: Visit, route: Route, watch: Watch) -> Iterator[None]:
        """Know of an answer that would not end by itself, as long as it goes on."""
        if not route.is_stream or visit.scope["method"] != "GET":
            yield
            return
        self._streams.add(watch)
        if self._is_closing:
            watch.stop(_StreamEnds())
        try:
            yield
        finally:
            self._streams.discard(watch)

    async def _outgoing(self, visit: Visit, body: RequestBody, watch: Watch, stall_seconds: float) -> Outgoing:
        scope = visit.scope
        target: str = scope["raw_path"].decode("ascii")
        if query := scope["query_string"]:
            target = f"{target}?{query.decode('ascii')}"
        outgoing = Outgoing(scope["method"], target, [], None)
        fits = visit.declared_length <= HELD_BYTES
        held = await body.collect() if visit.has_body and fits else None
        if visit.has_body and held is None:
            outgoing.body = body.stream(watch, stall_seconds)
        else:
            body.is_whole = True
            outgoing.body = held or None
            watch.look_out(visit.receive)
        return outgoing

    async def _exchange(self, visit: Visit, client: UpstreamClient, request: Outgoing, body: RequestBody) -> None:
        asked = time.perf_counter()
        try:
            answer = await client.send(request)
        except UpstreamFailure as failure:
            raise _refusal(failure) from failure
        finally:
            visit.upstream_seconds = time.perf_counter() - asked
        with answer:
            head = self._head(visit, answer)
            is_early = not body.is_whole
            if is_early:
                head.append((b"connection", b"close"))
            collected = await collected_for(visit, answer, head)
            await visit.reply.start(answer.status, head)
            if collected is not None:
                await visit.reply.body(collected, more=True)
            await _stream(visit, answer, is_early=is_early)

    def _head(self, visit: Visit, answer: Answer) -> Pairs:
        if not 200 <= answer.status <= 599:
            raise UpstreamProtocol
        fields = answer_fields(answer.fields, answer.status, to_head=visit.scope["method"] == "HEAD")
        return [
            (name, self._locations.outward(value)) if name == b"location" else (name, value) for name, value in fields
        ]


async def _stream(visit: Visit, answer: Answer, *, is_early: bool) -> None:
    more = True
    while more:
        was_whole = answer.is_whole
        chunk = await answer.read()
        more = bool(chunk) and not was_whole and not answer.is_whole
        if not more and is_early:
            # The client is still sending. It gets the whole answer now, and the end of the connection after a while.
            await visit.reply.body(chunk, more=True)
            await discard(visit.receive)
            chunk = b""
        await visit.reply.body(chunk, more=more)


def _own_fields(visit: Visit) -> list[tuple[str, str]]:
    identity = visit.identity
    fields = [
        ("via", VIA.decode()),
        ("x-forwarded-for", identity.client),
        ("x-forwarded-proto", identity.scheme),
        ("x-forwarded-host", visit.host.decode("ascii")),
        ("x-request-id", identity.request_id),
        ("traceparent", identity.traceparent),
    ]
    if identity.tracestate:
        fields.append(("tracestate", identity.tracestate))
    return fields


def _refusal(failure: UpstreamFailure) -> Refusal:
    if isinstance(failure, NotSent):
        return UpstreamConnectTimeout() if failure.is_timeout else UpstreamUnreachable()
    if isinstance(failure, AnswerBroken):
        return UpstreamProtocol()
    return UpstreamTimeout() if failure.is_timeout else UpstreamReset()
