"""`python -m tests.chaos`: three minutes of kills under fifty writers; nothing acknowledged may be lost or come twice.

`CHAOS_SECONDS` makes it shorter or longer, up to nine minutes; `CHAOS_SEED` repeats the choices of an earlier run.
"""

import asyncio
import os
import secrets
import sys

from tests.chaos.report import report
from tests.chaos.run import run


def main() -> int:
    """Run one storm and say what came of it. Returns the exit status."""
    seconds = float(os.environ.get("CHAOS_SECONDS") or 180)
    seed = int(os.environ.get("CHAOS_SEED") or secrets.randbelow(1_000_000))
    sys.stdout.write(f"CHAOS_SEED={seed}, {seconds:.0f} s of kills\n")
    sys.stdout.flush()
    tally = asyncio.run(run(seconds, seed))
    sys.stdout.write(report(tally, seed, seconds) + "\n")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
