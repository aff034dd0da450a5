"""When an endpoint is left alone, and when it is tried again."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.upstreams.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fail(breaker: Breaker, peers: list[Breaker], times: int = 5) -> None:
    for _ in range(times):
        breaker.failed(breaker.begin(), peers)


class TestTheOnlyEndpoint:
    def test_four_failures_are_nothing(self, clock: Clock) -> None:
        """It takes five in a row; a good answer in between begins the count anew."""
        breaker = Breaker(clock)

        fail(breaker, [breaker], 4)
        breaker.succeeded(breaker.begin())
        fail(breaker, [breaker], 4)

        assert breaker.admits()

    def test_is_left_alone_for_a_second(self, clock: Clock) -> None:
        """After the fifth nothing goes there until the second is over; it is never out for longer."""
        breaker = Breaker(clock)

        for _ in range(10):
            fail(breaker, [breaker], 1 if breaker.is_open else 5)
            assert not breaker.admits()
            clock.now += 0.99
            assert not breaker.admits()
            clock.now += 0.02
            assert breaker.admits()

        assert not breaker.is_ejected

    def test_one_trial_decides(self, clock: Clock) -> None:
        """Then one request is let through, and until it is done no other."""
        breaker = Breaker(clock)
        fail(breaker, [breaker])
        clock.now += 1

        assert breaker.begin()
        assert not breaker.admits()
        breaker.succeeded(True)

        assert breaker.admits()
        assert not breaker.is_open

    def test_a_trial_without_an_outcome(self, clock: Clock) -> None:
        """If the trial's client leaves, the next request is the trial."""
        breaker = Breaker(clock)
        fail(breaker, [breaker])
        clock.now += 1

        assert breaker.begin()
        breaker.abandoned()

        assert breaker.begin()

    def test_what_began_before_says_nothing(self, clock: Clock) -> None:
        """Answers to requests from before the opening neither close it nor make it longer."""
        breaker = Breaker(clock)
        fail(breaker, [breaker])
        clock.now += 0.5

        breaker.succeeded(False)
        fail(breaker, [breaker], 7)
        clock.now += 0.5

        assert breaker.is_open
        assert breaker.admits()


class TestOneOfSeveral:
    def test_is_out_longer_each_time(self, clock: Clock) -> None:
        """Five seconds, then ten, up to five minutes."""
        breaker = Breaker(clock)
        peers, seconds = [breaker, Breaker(clock)], []
        fail(breaker, peers, 4)

        for _ in range(62):
            fail(breaker, peers, 1)
            left = clock.now
            while not breaker.admits():
                clock.now += 1
            seconds.append(clock.now - left)

        assert seconds[:3] == [5, 10, 15]
        assert seconds[-3:] == [300, 300, 300]

    def test_is_forgiven(self, clock: Clock) -> None:
        """After five good minutes the first time is the first again."""
        breaker = Breaker(clock)
        peers = [breaker, Breaker(clock)]
        fail(breaker, peers)
        clock.now += 5
        breaker.succeeded(breaker.begin())
        clock.now += 301

        fail(breaker, peers)
        clock.now += 5

        assert breaker.admits()

    @pytest.mark.parametrize(("count", "most"), [(1, 0), (2, 1), (3, 1), (4, 2), (5, 2)])
    def test_at_most_half(self, clock: Clock, count: int, most: int) -> None:
        """Half of them may be out at a time, never the last; the others are left alone for a second."""
        peers = [Breaker(clock) for _ in range(count)]

        for breaker in peers:
            fail(breaker, peers)
        clock.now += 1

        assert sum(breaker.is_ejected for breaker in peers) == most
        assert sum(breaker.admits() for breaker in peers) == count - most


class BreakersMachine(RuleBasedStateMachine):
    """Three endpoints, requests that begin and end in any order, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.peers = [Breaker(self.clock) for _ in range(3)]
        self.running: list[tuple[Breaker, bool]] = []
        self.in_a_row = dict.fromkeys(self.peers, 0)

    @rule(index=st.integers(0, 2))
    def begin(self, index: int) -> None:
        breaker = self.peers[index]
        if breaker.admits():
            self.running.append((breaker, breaker.begin()))

    @precondition(lambda self: self.running)
    @rule(index=st.integers(0, 50), outcome=st.sampled_from(["good", "bad", "gone"]))
    def end(self, index: int, outcome: str) -> None:
        breaker, is_trial = self.running.pop(index % len(self.running))
        was_open = breaker.is_open
        if outcome == "good":
            breaker.succeeded(is_trial)
            self.in_a_row[breaker] = 0
            assert breaker.is_open == (was_open and not is_trial)
        elif outcome == "bad":
            breaker.failed(is_trial, self.peers)
            self.in_a_row[breaker] += 1
            assert breaker.is_open == (was_open or self.in_a_row[breaker] >= 5)
            assert not (is_trial and breaker.admits())
        elif is_trial:
            breaker.abandoned()
            assert breaker.admits()

    @rule(seconds=st.sampled_from([0.3, 1, 5, 30, 400]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def at_most_half_are_ejected(self) -> None:
        assert sum(breaker.is_ejected for breaker in self.peers) <= 1
        assert all(breaker.is_open for breaker in self.peers if breaker.is_ejected)

    @invariant()
    def one_trial_at_a_time(self) -> None:
        for breaker in self.peers:
            trials = sum(is_trial for other, is_trial in self.running if other is breaker)
            assert trials <= 1
            assert not (trials and breaker.admits())

    @invariant()
    def nobody_is_out_for_ever(self) -> None:
        now, self.clock.now = self.clock.now, self.clock.now + 300
        for breaker in self.peers:
            has_trial = any(is_trial for other, is_trial in self.running if other is breaker)
            assert has_trial or breaker.admits()
        self.clock.now = now


TestBreakersModel = BreakersMachine.TestCase
