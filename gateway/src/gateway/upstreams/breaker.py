"""When an endpoint is left alone: after five failures in a row it is out for a while, then one trial request decides.

Out are at most half of a service's endpoints at a time, each for five seconds times how often that has happened. Where
that many are out already, above all where there is only one, an endpoint is left alone for a second instead.
"""

from collections.abc import Callable, Iterable

__all__ = ["Breaker"]

FAILURES_IN_A_ROW = 5
PAUSE_SECONDS = 1.0
EJECTION_SECONDS = 5.0
MAX_EJECTION_SECONDS = 300.0


class Breaker:
    """Judges one endpoint by what becomes of its requests. `clock` gives seconds.

    Each request says `begin` before and, if it got so far, `succeeded` or `failed` after, with what `begin` returned. A
    trial that says neither, since its client left for example, says `abandoned`.
    """

    __slots__ = ("_clock", "_closed_at", "_failures", "_on_trial", "_until", "ejections", "is_ejected", "is_open")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.is_open = False
        """Whether the endpoint is left alone, but perhaps for a trial."""
        self.is_ejected = False
        """Whether that is because others are there in its place."""
        self.ejections = 0
        """How often that happened lately: the time out grows with it."""
        self._clock = clock
        self._failures = 0
        self._on_trial = False
        self._until = 0.0
        self._closed_at = clock()

    def admits(self) -> bool:
        """Whether a request may begin: any while closed, one at a time when the time out is over."""
        return not self.is_open or (not self._on_trial and self._clock() >= self._until)

    def begin(self) -> bool:
        """Note that an admitted request begins, and return whether it is the trial."""
        if not self.is_open or not self.admits():
            return False
        self._on_trial = True
        return True

    def succeeded(self, is_trial: bool) -> None:
        """Note a good answer."""
        if is_trial:
            self._closed_at = self._clock()
            self.is_open = self.is_ejected = self._on_trial = False
        self._failures = 0

    def failed(self, is_trial: bool, peers: "Iterable[Breaker]") -> None:
        """Note a failure; `peers` are the breakers of all endpoints of the service, this one included."""
        self._failures += 1
        if is_trial:
            self._on_trial = False
        # While it is open, what began before that says nothing new.
        if is_trial or (not self.is_open and self._failures >= FAILURES_IN_A_ROW):
            self._open(list(peers))

    def abandoned(self) -> None:
        """Note that the trial taught nothing: the next request is one then."""
        self._on_trial = False

    def _open(self, peers: "list[Breaker]") -> None:
        now = self._clock()
        others = sum(peer.is_ejected for peer in peers if peer is not self)
        self.is_ejected = (others + 1) * 2 <= len(peers)
        was_well = not self.is_open and now - self._closed_at > MAX_EJECTION_SECONDS
        self.is_open = True
        if not self.is_ejected:
            self._until = now + PAUSE_SECONDS
            return
        self.ejections = 1 if was_well else self.ejections + 1
        self._until = now + min(EJECTION_SECONDS * self.ejections, MAX_EJECTION_SECONDS)
