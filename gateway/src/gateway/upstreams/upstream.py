"""One service: the addresses that its name has, which of them gets a request, and whether one more may begin now."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from random import SystemRandom
from typing import Self
from urllib.parse import urlsplit

import structlog

from gateway.configuration.config import UpstreamConfig
from gateway.problems import CircuitOpen, NoEndpoint
from gateway.transport.client import UpstreamClient
from gateway.transport.outgoing import Outgoing
from gateway.upstreams.admission import Cap, Queue
from gateway.upstreams.breaker import Breaker
from gateway.upstreams.endpoint import Endpoint
from gateway.upstreams.lookout import Resolve, keep_probed, keep_resolved, resolve_by_system
from gateway.upstreams.tally import Tally

__all__ = ["Place", "Upstream"]

log = structlog.get_logger()
_DICE = SystemRandom()

# A client may take an hour over a large body, and all the while it holds a place: most places are for the others.
UPLOADS_SHARE = 4
_ROOM = nullcontext()


class Place:
    """One attempt's place at an endpoint, from its begin until `leave`; `judge` says what became of it."""

    __slots__ = ("_is_stream", "_is_trial", "_upstream", "endpoint")

    def __init__(self, upstream: "Upstream", endpoint: Endpoint, *, is_stream: bool) -> None:
        self.endpoint = endpoint
        self._upstream = upstream
        self._is_stream = is_stream
        self._is_trial = endpoint.breaker.is_open and endpoint.breaker.begin()

    def judge(self, *, is_good: bool) -> None:
        """Count the attempt for or against its endpoint, once."""
        breaker, is_trial = self.endpoint.breaker, self._is_trial
        self._is_trial = False
        if is_good:
            if is_trial:
                log.info("endpoint_back", endpoint=self.endpoint.origin)
            breaker.succeeded(is_trial)
            return
        was_open = breaker.is_open
        breaker.failed(is_trial, self._upstream.breakers)
        if breaker.is_open and not was_open:
            log.warning("endpoint_out", endpoint=self.endpoint.origin)

    def leave(self) -> None:
        """Make room for another."""
        if self._is_trial:
            self.endpoint.breaker.abandoned()
        self._upstream.release(self.endpoint, is_stream=self._is_stream)


class Upstream:
    """One service. Enter it before use; `tally` counts its attempts under its `name`, `resolve` finds its addresses."""

    def __init__(
        self,
        config: UpstreamConfig,
        name: str,
        tally: Tally,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        self.config = config
        self.name = name
        self.tally = tally
        self.client = UpstreamClient(config)
        self.endpoints: list[Endpoint] = []
        self._resolve = resolve
        self._queue: Queue[Endpoint] = Queue(config.queue, config.queue_wait)
        self._uploads = Cap(max(1, config.max_in_flight // UPLOADS_SHARE), Connection="close")
        self._tasks = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._tasks.enter_async_context(self.client)
        await self._tasks.enter_async_context(keep_resolved(self.config.url, self._resolve, self.moved))
        await self._tasks.enter_async_context(keep_probed(self.config.url, lambda: self.endpoints))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.aclose()

    @property
    def breakers(self) -> list[Breaker]:
        """The breakers of all endpoints."""
        return [endpoint.breaker for endpoint in self.endpoints]

    def snapshot(self) -> dict[str, object]:
        """Return what is known of the service's endpoints, for people: plain values, as JSON has them."""
        return {
            "url": self.config.url,
            "breaker": "open" if any(breaker.is_open for breaker in self.breakers) else "closed",
            "waiting": len(self._queue),
            "endpoints": [endpoint.snapshot() for endpoint in self.endpoints],
        }

    def moved(self, addresses: Iterable[str]) -> None:
        """Take these addresses for the service's: known ones stay as they are, vanished ones get nothing new."""
        place = urlsplit(self.config.url)
        port = place.port or {"http": 80, "https": 443}[place.scheme]
        known = {endpoint.origin: endpoint for endpoint in self.endpoints}
        hosts = (f"[{address}]" if ":" in address else address for address in addresses)
        origins = sorted({f"{place.scheme}://{host}:{port}" for host in hosts})
        if origins != sorted(known):
            log.info("endpoints", upstream=self.name, endpoints=origins)
        self.endpoints = [known.get(origin) or Endpoint(origin, Breaker(time.monotonic)) for origin in origins]

    def room_for(self, request: Outgoing) -> AbstractContextManager[None]:
        """Return what `request` enters while it is under way; raises `Overloaded` then if it is an upload too many."""
        return _ROOM if request.is_held else self._uploads

    def take(self, *, is_stream: bool, avoid: str | None = None) -> Place | None:
        """Return a place at an endpoint, other than `avoid` where there is another; None when all are full.

        Streams go beside the others, and are spread by their own number. Raises `NoEndpoint`, `CircuitOpen`.
        """
        usable = self._usable(avoid)
        if is_stream:
            chosen = self._fewer(usable, lambda endpoint: endpoint.streams)
            chosen.streams += 1
            return Place(self, chosen, is_stream=True)
        chosen, most = self._fewer(usable, _in_flight), self.config.max_in_flight
        if chosen.in_flight >= most:
            chosen = min(usable, key=_in_flight)
            if chosen.in_flight >= most:
                return None
        chosen.in_flight += 1
        return Place(self, chosen, is_stream=False)

    async def wait(self) -> Place:
        """Return a place as soon as there is one; raises `Overloaded` when that takes too long."""
        given = await self._queue.slot(lambda endpoint: self.release(endpoint, is_stream=False))
        return Place(self, given, is_stream=False)

    def release(self, endpoint: Endpoint, *, is_stream: bool) -> None:
        """Take back a slot of `endpoint`; who waits gets it."""
        if is_stream:
            endpoint.streams -= 1
        elif not (self._queue and self._may_go_on(endpoint) and self._queue.hand_over(endpoint)):
            endpoint.in_flight -= 1

    def _may_go_on(self, endpoint: Endpoint) -> bool:
        return endpoint in self.endpoints and endpoint.breaker.admits()

    def _usable(self, avoid: str | None) -> list[Endpoint]:
        known = self.endpoints
        if len(known) == 1 and known[0].breaker.admits():
            return known
        if not known:
            raise NoEndpoint
        admitting = [endpoint for endpoint in known if endpoint.breaker.admits()]
        if not admitting:
            raise CircuitOpen
        # Checks that all of them fail say more about the checks: then all are used.
        usable = [endpoint for endpoint in admitting if endpoint.is_well] or admitting
        return [endpoint for endpoint in usable if endpoint.origin != avoid] or usable

    def _fewer(self, usable: list[Endpoint], load: Callable[[Endpoint], int]) -> Endpoint:
        """Of two drawn at random the one with less to do: as even as looking at all of them, without a herd."""
        if len(usable) == 1:
            return usable[0]
        count = len(usable)
        first = int(_DICE.random() * count)
        one, other = usable[first], usable[first - 1 - int(_DICE.random() * (count - 1))]
        return one if load(one) <= load(other) else other


def _in_flight(endpoint: Endpoint) -> int:
    return endpoint.in_flight
