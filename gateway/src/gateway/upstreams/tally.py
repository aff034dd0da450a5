"""What becomes of requests on their way to the services, in numbers; no label of them is a client's to choose."""

from collections import defaultdict

from gateway.transport.failures import AnswerBroken, NotSent, SentNoAnswer, UpstreamFailure
from shared.metrics import Counts, Histogram

__all__ = ["Tally", "outcome_of"]

CLASSES = {1: "1xx", 2: "2xx", 3: "3xx", 4: "4xx", 5: "5xx"}
NO_CLASS = "other"
FAILURES: dict[type[UpstreamFailure], str] = {
    NotSent: "not_sent",
    SentNoAnswer: "unanswered",
    AnswerBroken: "broken",
}
TIMEOUT, STALE, ABANDONED = "timeout", "stale", "abandoned"
SHED = ("overloaded", "circuit_open", "no_endpoint")


class Tally:
    """Counts attempts, repeats, and what is refused for want of a place."""

    def __init__(self) -> None:
        self.outcomes: defaultdict[tuple[str, str], int] = defaultdict(int)
        """Attempts by upstream and what became of them."""
        self.seconds = Histogram(
            "gateway_upstream_seconds", "How long attempts took, from asking to the head of the answer or the failure."
        )
        self.retries = Counts("gateway_retries_total", "Requests asked a second time.", "reason")
        self.shed = Counts("gateway_shed_total", "Requests refused for want of a place.", "reason", SHED)

    def answered(self, upstream: str, status: int, seconds: float) -> None:
        """Count an attempt that was answered."""
        self.outcomes[upstream, CLASSES.get(status // 100, NO_CLASS)] += 1
        self.seconds.observe(seconds)

    def failed(self, upstream: str, outcome: str, seconds: float) -> None:
        """Count an attempt without an answer, by its `outcome_of`."""
        self.outcomes[upstream, outcome] += 1
        self.seconds.observe(seconds)


def outcome_of(error: BaseException, *, is_overdue: bool = False) -> str:
    """Return in a word how an attempt failed; one that nobody waits for any more is `abandoned`."""
    if is_overdue or (isinstance(error, UpstreamFailure) and error.is_timeout):
        return TIMEOUT
    if not isinstance(error, UpstreamFailure):
        return ABANDONED
    return STALE if error.is_stale else FAILURES[type(error)]
