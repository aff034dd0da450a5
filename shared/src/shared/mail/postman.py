"""What happens to an event that is to be mailed: it is sent, tried again later, skipped or given up."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import TypeAlias
from uuid import UUID

import structlog

from shared.database import Session, Sessions, transaction
from shared.logging import request_context
from shared.mail.smtp import Letter, Mailer, MailPostponed, MailRefused
from shared.metrics import Collector, Counts
from shared.outbox import Claimed, OutboxColumns, Outcome, State, claim, settle
from shared.streams import Entry

__all__ = ["Postman", "Writer"]

RETRY_AFTER = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
)
JITTER = 0.2
"""Each pause is longer or shorter by up to this share, so that mails that failed together do not come back together."""

Writer: TypeAlias = Callable[[Session, Claimed], Awaitable[Letter | Outcome]]
"""Returns the letter that an event asks for, or how the event ends without one.

It works in the transaction that claims the event: what it stores is committed before the letter is sent.
"""


class Postman:
    """Turns entries of a work stream into mails."""

    def __init__(self, sessions: Sessions, table: type[OutboxColumns], mailer: Mailer, write: Writer) -> None:
        self._sessions = sessions
        self._table = table
        self._mailer = mailer
        self._write = write
        outcomes = (State.DONE, State.WAITING, State.SKIPPED, State.DEAD)
        self._mails = Counts("mails_total", "Tries to mail, by what came of them.", "outcome", outcomes)

    @property
    def metrics(self) -> Iterable[Collector]:
        """What became of the mails; `waiting` is one that is tried again."""
        return (self._mails,)

    async def handle(self, entry: Entry) -> None:
        """See to the event that `entry` names, unless somebody else does. Raises what `transaction` raises."""
        taken = await self._take(entry["user_id"], UUID(entry["event_id"]))
        if taken is None:
            return
        claimed, written = taken
        request_context(claimed.request_id, claimed.traceparent)
        outcome = written if isinstance(written, Outcome) else await self._send(written, claimed.attempts)
        _log(claimed, outcome)
        self._mails.add(outcome.state)
        async with transaction(self._sessions) as session:
            if not await settle(session, self._table, claimed, outcome, datetime.now(UTC)):
                structlog.get_logger().warning("claim_lost", event_id=str(claimed.event_id))

    async def _take(self, user_id: str, event_id: UUID) -> tuple[Claimed, Letter | Outcome] | None:
        """Return the event and what is to be sent; None when somebody else has it, or had, or it is not due."""
        now = datetime.now(UTC)
        async with transaction(self._sessions) as session:
            claimed = await claim(session, self._table, user_id=user_id, event_id=event_id, now=now)
            return (claimed, await self._write(session, claimed)) if claimed else None

    async def _send(self, letter: Letter, attempts: int) -> Outcome:
        try:
            await self._mailer.send(letter)
        except MailRefused as fault:
            return Outcome(State.DEAD, str(fault))
        except MailPostponed as fault:
            return _postponed(attempts, str(fault))
        return Outcome(State.DONE)


def _postponed(attempts: int, reason: str) -> Outcome:
    """Return when to try again after so many attempts, or that it was the last."""
    if attempts > len(RETRY_AFTER):
        return Outcome(State.DEAD, f"given up after {attempts} attempts: {reason}")
    pause = RETRY_AFTER[attempts - 1] * SystemRandom().uniform(1 - JITTER, 1 + JITTER)
    return Outcome(State.WAITING, reason, try_again_at=datetime.now(UTC) + pause)


def _log(claimed: Claimed, outcome: Outcome) -> None:
    """Write one line about a try: never the address, never the text."""
    structlog.get_logger().log(
        logging.ERROR if outcome.state == State.DEAD else logging.INFO,
        "notification",
        event_id=str(claimed.event_id),
        type=claimed.type,
        user=claimed.user_id,
        outcome=outcome.state.value,
        attempts=claimed.attempts,
        error=outcome.error,
    )
