"""Memory that is free goes back to the system."""

import ctypes
from pathlib import Path

import pytest

from shared.memory import give_back

PIECES, PIECE_BYTES = 100_000, 1000


def resident_bytes() -> int:
    """Return the resident memory of this process (proc_pid_status(5), VmRSS)."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) * 1024


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library has no malloc_trim")
class TestGivingBack:
    """`give_back`."""

    def test_holes_go_back(self) -> None:
        """What is free below a piece that stays goes back, which the C library by itself would keep."""
        pieces = [bytes(PIECE_BYTES) for _ in range(PIECES)]
        staying = pieces[::1000]
        pieces.clear()
        before = resident_bytes()
        give_back()
        assert before - resident_bytes() > PIECES * PIECE_BYTES / 2
        assert len(staying) == PIECES // 1000
