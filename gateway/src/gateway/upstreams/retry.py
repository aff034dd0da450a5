"""Puts a request to an upstream, and a second time where that can do no harm.

Never more often, and only as the upstream's budget allows: what is failing is not helped by more requests.
"""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from random import SystemRandom

from gateway.problems import Refusal
from gateway.transport.answer import Answer
from gateway.transport.failures import AnswerBroken, NotSent, SentNoAnswer, UpstreamFailure
from gateway.transport.outgoing import Outgoing
from gateway.upstreams.tally import outcome_of
from gateway.upstreams.upstream import Place, Upstream
from gateway.watch import Deadline, Watch

__all__ = ["Asking", "Budget", "may_repeat"]

BUDGET = 10.0
BUDGET_PER_REQUEST = 0.1
BUDGET_PER_SECOND = 1.0
PAUSE_SECONDS = (0.025, 0.1)

_DICE = SystemRandom()

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
IDEMPOTENT = SAFE | {"PUT", "DELETE"}
FAILED = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})

# What a service says of what is behind it. A 503 is its own considered word, and stays to be read.
UNREACHED = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})


class Budget:
    """How many repeats an upstream is asked for: a tenth of its requests, one a second, and ten at once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tokens = BUDGET
        self._counted_at = clock()

    def earn(self) -> None:
        """Note a request."""
        self._tokens = min(BUDGET, self._tokens + BUDGET_PER_REQUEST)

    def spend(self) -> bool:
        """Return whether a repeat is within the budget, and take it out of there."""
        now = self._clock()
        self._tokens = min(BUDGET, self._tokens + (now - self._counted_at) * BUDGET_PER_SECOND)
        self._counted_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def may_repeat(request: Outgoing, outcome: UpstreamFailure | int) -> bool:
    """Return whether a request may be done again after this outcome, a failure or a gateway's status (decision 0020).

    What was never sent may. What may have arrived may if it is safe (RFC 9110 section 9.2.1); if it is idempotent, or
    known by its key, only when its connection was closed for its age: otherwise it can be at work still.
    """
    if not request.is_held or isinstance(outcome, AnswerBroken):
        return False
    if isinstance(outcome, NotSent) or request.method in SAFE:
        return True
    is_known = request.method in IDEMPOTENT or (request.method == "POST" and request.has_key)
    return isinstance(outcome, SentNoAnswer) and outcome.is_stale and is_known


class Asking:
    """How requests are put to one upstream."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        self._budget = Budget(time.monotonic)
        config = upstream.config
        self._deadline = Deadline(config.deadline)
        self._head_deadline = Deadline(config.connect + config.first_byte)

    def deadline_of(self, *, is_stream: bool) -> Deadline:
        """Return how long an answer's head may take. A stream has all the time in the world, but not for its head."""
        return self._head_deadline if is_stream else self._deadline

    async def ask(self, request: Outgoing, watch: Watch) -> tuple[Answer, Place]:
        """Return the answer as soon as its head is there, and the place that it takes: the caller gives back both.

        Raises `UpstreamFailure`, or the refusal of a request for which there is no place.
        """
        self._budget.earn()
        place = self.upstream.take(is_stream=request.is_stream) or await self.upstream.wait()
        try:
            answer = await self._attempt(request, place, watch)
        except UpstreamFailure as failure:
            if not self._may_repeat(request, failure, watch):
                raise
            place = await self._another(request, place, failure)
            self.upstream.tally.retries.add(outcome_of(failure))
            answer = await self._attempt(request, place, watch)
        else:
            if answer.status in FAILED and self._may_repeat(request, answer.status, watch):
                answer, place = await self._ask_again(request, answer, place, watch)
        watch.answered()
        return answer, place

    def _may_repeat(self, request: Outgoing, outcome: UpstreamFailure | int, watch: Watch) -> bool:
        is_in_time = watch.seconds_left > max(PAUSE_SECONDS)
        return is_in_time and may_repeat(request, outcome) and self._budget.spend()

    async def _another(self, request: Outgoing, before: Place, failure: UpstreamFailure) -> Place:
        await self._pause()
        try:
            place = self.upstream.take(is_stream=request.is_stream, avoid=before.endpoint.origin)
            return place or await self.upstream.wait()
        except Refusal:
            # What went wrong says more than that it cannot be tried again.
            raise failure from None

    async def _ask_again(self, request: Outgoing, answer: Answer, place: Place, watch: Watch) -> tuple[Answer, Place]:
        """Ask elsewhere; where nothing else has room, the answer that is here stands: it is the service's own word."""
        try:
            await self._pause()
            other = self.upstream.take(is_stream=request.is_stream, avoid=place.endpoint.origin)
        except Refusal:
            other = None
        except asyncio.CancelledError:
            answer.close()
            place.leave()
            raise
        if other is None:
            return answer, place
        answer.close()
        place.leave()
        self.upstream.tally.retries.add(str(answer.status))
        return await self._attempt(request, other, watch), other

    async def _pause(self) -> None:
        await asyncio.sleep(_DICE.uniform(*PAUSE_SECONDS))

    async def _attempt(self, request: Outgoing, place: Place, watch: Watch) -> Answer:
        request.attempts += 1
        request.endpoint = origin = place.endpoint.origin
        request.attempt_fields = _attempt_fields(request, watch)
        upstream, asked_at = self.upstream, time.perf_counter()
        try:
            answer = await upstream.client.send(request, origin, anew=request.attempts > 1)
        except BaseException as error:
            outcome = outcome_of(error, is_overdue=watch.is_overdue)
            upstream.tally.failed(upstream.name, outcome, time.perf_counter() - asked_at)
            if watch.is_overdue or (isinstance(error, (NotSent, SentNoAnswer)) and not error.is_stale):
                place.judge(is_good=False)
            place.leave()
            raise
        upstream.tally.answered(upstream.name, answer.status, time.perf_counter() - asked_at)
        place.judge(is_good=answer.status not in UNREACHED)
        return answer


def _attempt_fields(request: Outgoing, watch: Watch) -> list[tuple[str, str]]:
    fields = [] if request.is_stream else [("x-request-deadline-ms", str(int(watch.seconds_left * 1000)))]
    if request.attempts > 1:
        fields.append(("x-request-attempt", str(request.attempts)))
    return fields
