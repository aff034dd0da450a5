"""What may be done a second time, and how often."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.transport.failures import AnswerBroken, NotSent, SentNoAnswer, UpstreamFailure
from gateway.transport.outgoing import Outgoing
from gateway.upstreams.retry import Budget, may_repeat

METHODS = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH")
SAFE, WRITES, ALL = METHODS[:3], METHODS[3:5], METHODS

MAY: dict[str, tuple[UpstreamFailure | int, tuple[str, ...], tuple[str, ...]]] = {
    "not sent": (NotSent(), ALL, ALL),
    "not sent in time": (NotSent(is_timeout=True), ALL, ALL),
    "stale": (SentNoAnswer(is_stale=True), (*SAFE, *WRITES), (*SAFE, *WRITES, "POST")),
    "fresh": (SentNoAnswer(), SAFE, SAFE),
    "silent": (SentNoAnswer(is_timeout=True), SAFE, SAFE),
    "broken": (AnswerBroken(), (), ()),
    "502": (502, SAFE, SAFE),
    "503": (503, SAFE, SAFE),
    "504": (504, SAFE, SAFE),
}


class TestTheMatrix:
    @pytest.mark.parametrize("outcome", MAY)
    @pytest.mark.parametrize("has_key", [False, True])
    def test_says_what_may_be_repeated(self, outcome: str, has_key: bool) -> None:
        """Method, failure and key decide, as decision 0020 has it."""
        failure, without, with_key = MAY[outcome]

        may = [method for method in METHODS if may_repeat(Outgoing(method, "/", [], b"held", has_key=has_key), failure)]

        assert may == list(with_key if has_key else without)

    @pytest.mark.parametrize("outcome", MAY)
    def test_a_streamed_body_is_gone(self, outcome: str) -> None:
        """What was not kept cannot be sent again."""

        async def body() -> object:
            yield b""

        assert not may_repeat(Outgoing("GET", "/", [], body()), MAY[outcome][0])


class TestTheBudget:
    @given(st.lists(st.one_of(st.just("request"), st.just("repeat"), st.floats(0, 30))))
    def test_model(self, events: list[str | float]) -> None:
        """Never more repeats than a tenth of the requests, one a second, and ten; and none refused below that."""
        now = 0.0
        budget = Budget(lambda: now)
        tokens, repeats, requests = 10.0, 0, 0

        for event in events:
            if event == "request":
                budget.earn()
                requests += 1
                tokens = min(10.0, tokens + 0.1)
            elif event == "repeat":
                granted = budget.spend()
                assert granted == (tokens >= 1) or abs(tokens - 1) < 1e-9
                repeats += granted
                tokens -= granted
            else:
                now += event
                tokens = min(10.0, tokens + event)

        assert repeats <= 10 + requests / 10 + now + 1e-9
