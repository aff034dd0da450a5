"""One address of a service, and what is known of it."""

import structlog

from gateway.breaker import Breaker

__all__ = ["Endpoint"]

MISSES_TO_BE_OUT = 2

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

    def checked(self, *, is_well: bool) -> None:
        """Note the outcome of a health check: the second in vain takes it out, one success brings it back."""
        was_well = self.is_well
        self.misses = 0 if is_well else self.misses + 1
        if self.is_well != was_well:
            log.info("endpoint_well" if is_well else "endpoint_unwell", endpoint=self.origin)
