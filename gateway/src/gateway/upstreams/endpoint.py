"""One address of a service, and what is known of it."""

import structlog

from gateway.upstreams.breaker import Breaker

__all__ = ["STATES", "Endpoint"]

MISSES_TO_BE_OUT = 2
STATES = ("up", "unwell", "ejected", "open")

log = structlog.get_logger()


class Endpoint:
    """One address of a service, `origin` being scheme, address and port, and what is known of it."""

    __slots__ = ("breaker", "in_flight", "misses", "origin", "streams")

    def __init__(self, origin: str, breaker: Breaker) -> None:
        self.origin = origin
        self.breaker = breaker
        self.in_flight = 0
        self.streams = 0
        # One of which nothing is known gets requests, until a first check in vain.
        self.misses = MISSES_TO_BE_OUT - 1

    @property
    def is_well(self) -> bool:
        """Whether its health checks say that it should get requests."""
        return self.misses < MISSES_TO_BE_OUT

    @property
    def state(self) -> str:
        """`up`, `unwell` by its health checks, or by its requests `ejected` or, with none in its place, `open`."""
        if self.breaker.is_open:
            return "ejected" if self.breaker.is_ejected else "open"
        return "up" if self.is_well else "unwell"

    def snapshot(self) -> dict[str, str | int]:
        """Return what is known of it, for people."""
        return {
            "address": self.origin,
            "state": self.state,
            "in_flight": self.in_flight,
            "streams": self.streams,
            "ejections": self.breaker.ejections,
        }

    def checked(self, *, is_well: bool) -> None:
        """Note the outcome of a health check: the second in vain takes it out, one success brings it back."""
        was_well = self.is_well
        self.misses = 0 if is_well else self.misses + 1
        if self.is_well != was_well:
            log.info("endpoint_well" if is_well else "endpoint_unwell", endpoint=self.origin)
