"""`python -m benchmarks [GROUP]`: run every group, or one; exit 1 when a bar does not hold or a part fails."""

import sys

from benchmarks import bulk, gateway, logins, overload, scale, streams, todos, tokens, whole_set
from benchmarks.measure import need, report
from benchmarks.parts import Part, run_all

GROUPS: dict[str, tuple[Part, ...]] = {
    "gateway": (gateway.run, bulk.run, streams.run, overload.run_black_hole, overload.run_overload),
    "todos": (todos.run,),
    "scale": (scale.run,),
    "tokens": (tokens.run,),
    "logins": (logins.run,),
    "set": (whole_set.run,),
}

if __name__ == "__main__":
    need("wrk", "wrk")
    need("taskset", "util-linux")
    chosen = sys.argv[1:] or list(GROUPS)
    if unknown := set(chosen) - set(GROUPS):
        sys.exit(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    results, failed = run_all(part for group in chosen for part in GROUPS[group])
    holds = report(results)
    for failure in failed:
        print(f"FAILED {failure}")
    sys.exit(0 if holds and not failed else 1)
