"""Who waits for a slot, and who gets it."""

import asyncio

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.problems import Overloaded
from gateway.upstreams.admission import Cap, Queue


def never(_: object) -> None:
    pytest.fail("nothing is to be given back")


class TestACap:
    def test_counts_who_is_inside(self) -> None:
        """At the limit nobody else gets in; who leaves, by an error too, makes room."""
        cap = Cap(1)
        with pytest.raises(KeyError), cap:
            with pytest.raises(Overloaded), cap:
                pass
            raise KeyError

        cap.check()


class TestAQueue:
    async def test_serves_the_newest_first(self) -> None:
        """Who came last is next."""
        queue: Queue[str] = Queue(3, 10)
        waiting = [asyncio.create_task(queue.slot(never)) for _ in range(3)]
        await asyncio.sleep(0)

        for name in ("a", "b", "c"):
            assert queue.hand_over(name)

        assert await asyncio.gather(*waiting) == ["c", "b", "a"]

    async def test_the_oldest_goes_when_it_is_full(self) -> None:
        """One more than may wait is one too many: the one that has waited longest."""
        queue: Queue[str] = Queue(2, 10)
        waiting = [asyncio.create_task(queue.slot(never)) for _ in range(3)]
        await asyncio.sleep(0)
        queue.hand_over("a")
        queue.hand_over("b")

        ended = await asyncio.gather(*waiting, return_exceptions=True)

        assert isinstance(ended[0], Overloaded)
        assert ended[1:] == ["b", "a"]

    async def test_nobody_waits_long(self) -> None:
        """Without a slot in time it is `overloaded`, and nobody is left in the queue."""
        queue: Queue[str] = Queue(2, 0.01)

        with pytest.raises(Overloaded):
            await queue.slot(never)

        assert not queue.hand_over("a")

    async def test_may_have_no_room(self) -> None:
        """A queue of size 0 refuses at once."""
        with pytest.raises(Overloaded):
            await Queue(0, 10).slot(never)

    async def test_a_slot_that_comes_too_late_is_given_back(self) -> None:
        """A client that leaves in the very moment of the handing over takes no slot with it."""
        queue: Queue[str] = Queue(2, 10)
        returned: list[str] = []
        waiting = asyncio.create_task(queue.slot(returned.append))
        await asyncio.sleep(0)

        queue.hand_over("a")
        waiting.cancel()

        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert returned == ["a"]


class QueueMachine(RuleBasedStateMachine):
    """Slots that are handed over, and waiting ones that leave, in any order: none is lost, none given twice."""

    SIZE = 3

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.queue: Queue[int] = Queue(self.SIZE, 10)
        self.waiting: list[asyncio.Future[int]] = []
        self.free, self.held, self.made = 0, 0, 0

    def teardown(self) -> None:
        for place in self.waiting:
            self.queue.leave(place)
        self.loop.close()

    @rule()
    def join(self) -> None:
        async def join() -> asyncio.Future[int]:
            return self.queue.join()

        self.waiting.append(self.loop.run_until_complete(join()))

    @rule()
    def hand_over(self) -> None:
        ready = [place for place in self.waiting if not place.done()]
        taken = self.queue.hand_over(self.made)
        assert taken == bool(ready)
        if taken:
            assert ready[-1].result() == self.made
        self.made += taken

    @precondition(lambda self: self.waiting)
    @rule(index=st.integers(0, 20), is_cancelled=st.booleans())
    def leave(self, index: int, is_cancelled: bool) -> None:
        place = self.waiting.pop(index % len(self.waiting))
        if is_cancelled:
            place.cancel()
        if self.queue.leave(place) is not None:
            self.held += 1

    @precondition(lambda self: self.waiting)
    @rule(index=st.integers(0, 20))
    def is_cancelled_and_not_yet_gone(self, index: int) -> None:
        self.waiting[index % len(self.waiting)].cancel()

    @invariant()
    def no_slot_is_lost(self) -> None:
        given = sum(place.done() and not place.cancelled() and not place.exception() for place in self.waiting)
        assert given + self.held == self.made

    @invariant()
    def no_more_wait_than_may(self) -> None:
        assert len(self.queue) <= self.SIZE


TestQueueModel = QueueMachine.TestCase
