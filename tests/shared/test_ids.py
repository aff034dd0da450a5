"""The ids of all that is stored."""

import time
from uuid import RFC_4122

from shared.ids import uuid7


class TestIds:
    def test_are_of_version_seven(self):
        """As RFC 9562 lays it out: the milliseconds first, then what makes them unique."""
        before, made, after = time.time_ns(), uuid7(), time.time_ns()

        assert (made.version, made.variant) == (7, RFC_4122)
        assert before // 1_000_000 <= made.int >> 80 <= after // 1_000_000

    def test_come_in_order(self):
        """Also those of one millisecond: who reads events by id reads them as they happened."""
        made = [uuid7() for _ in range(10_000)]

        assert made == sorted(made)

    def test_cannot_be_guessed(self):
        """Whatever the clock says: their last 62 bits are all of them random."""
        ones = zeros = 0
        for _ in range(200):
            ones, zeros = ones | uuid7().int, zeros | ~uuid7().int

        assert ones & zeros & ((1 << 62) - 1) == (1 << 62) - 1
