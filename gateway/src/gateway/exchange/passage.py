"""The passage of one request to its upstream and of the answer back, bytes left alone."""

import time
from collections.abc import Awaitable, Mapping

from gateway.configuration.config import Config
from gateway.exchange.bodies import HELD_BYTES, RequestBody
from gateway.exchange.streams import Events, StreamEnds, Streams
from gateway.exchange.visit import Visit
from gateway.exchange.whole import collected_for, refuse_streams
from gateway.heads.headers import VIA, Pairs, answer_fields
from gateway.heads.locations import Locations
from gateway.problems import (
    ComeAgain,
    Overloaded,
    Refusal,
    UpstreamConnectTimeout,
    UpstreamProtocol,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.routing import Route
from gateway.transport.answer import Answer
from gateway.transport.failures import AnswerBroken, NotSent, UpstreamFailure
from gateway.transport.outgoing import Outgoing
from gateway.upstreams.admission import Cap
from gateway.upstreams.retry import Asking
from gateway.upstreams.tally import Tally
from gateway.upstreams.upstream import Place, Upstream
from gateway.watch import Watch
from shared.problems import Busy

__all__ = ["Passage"]


class Passage:
    """Sends requests on to the upstreams, as many at once as they and the gateway bear."""

    def __init__(self, upstreams: Mapping[str, Upstream], config: Config, locations: Locations, tally: Tally) -> None:
        self._upstreams = {name: Asking(upstream) for name, upstream in upstreams.items()}
        self._server = config.server
        self._cap = Cap(config.server.max_in_flight)
        self._route_caps = {route.path: Cap(route.max_in_flight) for route in config.routes if route.max_in_flight}
        self._locations = locations
        self._streams = Streams()
        self._tally = tally

    def check_room(self, route: Route) -> None:
        """Raise `Overloaded` when too many requests are under way, before anything of this one's body is read."""
        try:
            self._cap_of(route).check()
        except Overloaded as refusal:
            self._tally.shed.add(refusal.code)
            raise

    @property
    def in_flight(self) -> int:
        """How many requests are on their way, streams among them."""
        return self._cap.taken + sum(cap.taken for cap in self._route_caps.values())

    def _cap_of(self, route: Route) -> Cap:
        return self._cap if route.max_in_flight is None else self._route_caps[route.path]

    def end_streams(self) -> None:
        """End the answers that would not end by themselves, those that are under way and those that still begin."""
        self._streams.end()

    async def pass_on(self, visit: Visit, upstream: str, route: Route, passed: list[tuple[str, str]]) -> None:
        """Send the request with its `passed` fields to `upstream` and its answer to the client.

        Raises a `Refusal` while nothing is answered yet, then `AnswerBroken`; `Busy` and `ClientGone` at any time.
        """
        refuse_streams(visit)
        try:
            await self._pass_on(visit, self._upstreams[upstream], route, passed)
        except StreamEnds:
            if visit.events is None or not visit.reply.is_started:
                # Of another answer, a part would look like the whole.
                raise Busy from None
            # A whole end: the client has lost nothing and comes again, by then to a gateway that stays.
            await visit.reply.body(visit.events.last_words(), more=False)
        except ComeAgain as refusal:
            self._tally.shed.add(refusal.code)
            raise

    async def _pass_on(self, visit: Visit, asking: Asking, route: Route, passed: list[tuple[str, str]]) -> None:
        is_stream = route.is_stream and visit.scope["method"] == "GET"
        with Watch(visit.tell_when_gone, asking.deadline_of(is_stream=is_stream)) as watch:
            body = RequestBody(visit.receive, route.max_body, visit.declared_length, self._server)
            if is_stream:
                self._streams.add(watch)
            try:
                request = await self._outgoing(visit, body, watch, asking.upstream.config.idle)
                request.fields = [*passed, *_own_fields(visit)]
                request.idle_seconds, request.is_stream = route.idle_seconds, is_stream
                request.has_key = route.has_keys and _has_key(request)
                with self._cap_of(route), asking.upstream.room_for(request):
                    await self._exchange(visit, asking.ask(request, watch), request, body)
            finally:
                visit.bytes_in = body.received
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
            watch.look_out()
        return outgoing

    async def _exchange(
        self, visit: Visit, asked: Awaitable[tuple[Answer, Place]], request: Outgoing, body: RequestBody
    ) -> None:
        asked_at = time.perf_counter()
        try:
            answer, place = await asked
        except UpstreamFailure as failure:
            raise _refusal(failure) from failure
        finally:
            visit.upstream_seconds = time.perf_counter() - asked_at
            visit.endpoint, visit.attempts = request.endpoint, request.attempts
        try:
            with answer:
                await self._give(visit, answer, request, is_early=not body.is_whole)
        finally:
            place.leave()

    async def _give(self, visit: Visit, answer: Answer, request: Outgoing, *, is_early: bool) -> None:
        head = self._head(visit, answer)
        if request.is_stream:
            visit.events = Events.of(answer.status, head)
        if is_early:
            head.append((b"connection", b"close"))
        collected = await collected_for(visit, answer, head)
        await visit.reply.start(answer.status, head)
        if collected is not None:
            await visit.reply.body(collected, more=True)
        await _stream(visit, answer)

    def _head(self, visit: Visit, answer: Answer) -> Pairs:
        if not 200 <= answer.status <= 599:
            raise UpstreamProtocol
        fields = answer_fields(answer.fields, answer.status, to_head=visit.scope["method"] == "HEAD")
        return [
            (name, self._locations.outward(value)) if name == b"location" else (name, value) for name, value in fields
        ]


async def _stream(visit: Visit, answer: Answer) -> None:
    more = True
    while more:
        was_whole = answer.is_whole
        if not answer.has_news:
            # What has come so far leaves, the head too: what follows may take its time.
            await visit.reply.body(b"", more=True)
        chunk = await answer.read()
        more = bool(chunk) and not was_whole and not answer.is_whole
        await visit.reply.body(chunk, more=more)
        if visit.events is not None:
            visit.events.sent(chunk)


def _has_key(request: Outgoing) -> bool:
    return request.method == "POST" and any(name == "idempotency-key" for name, _ in request.fields)


def _own_fields(visit: Visit) -> list[tuple[str, str]]:
    identity = visit.identity
    return [
        ("via", VIA.decode()),
        ("x-forwarded-for", identity.client),
        ("x-forwarded-proto", identity.scheme),
        ("x-forwarded-host", visit.host.decode("ascii")),
        ("x-request-id", identity.request_id),
        ("traceparent", identity.traceparent),
        *([("tracestate", identity.tracestate)] if identity.tracestate else []),
    ]


def _refusal(failure: UpstreamFailure) -> Refusal:
    if isinstance(failure, NotSent):
        return UpstreamConnectTimeout() if failure.is_timeout else UpstreamUnreachable()
    if isinstance(failure, AnswerBroken):
        return UpstreamProtocol()
    return UpstreamTimeout() if failure.is_timeout else UpstreamReset()
