"""`python -m benchmarks [GROUP]`: run every group, or one; exit 1 when a bar does not hold."""

import sys

from benchmarks import gateway, logins, scale, todos, tokens, whole_set
from benchmarks.measure import need, report

GROUPS = {
    "gateway": gateway.run,
    "todos": todos.run,
    "scale": scale.run,
    "tokens": tokens.run,
    "logins": logins.run,
    "set": whole_set.run,
}

if __name__ == "__main__":
    need("wrk", "wrk")
    need("taskset", "util-linux")
    chosen = sys.argv[1:] or list(GROUPS)
    if unknown := set(chosen) - set(GROUPS):
        sys.exit(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    sys.exit(0 if report([result for group in chosen for result in GROUPS[group]()]) else 1)
