"""The limits: what is counted, for whom, and how many are let in."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Bucket", "Limit", "Mode", "Refusal", "Rule"]

MINUTE, HOUR = 60, 3600


@dataclass(frozen=True, slots=True)
class Rule:
    """`most` attempts within `seconds` of the first; or, with a `pause`, `most` at once and then one after each pause.

    The pauses, in seconds, double with every attempt, up to `seconds`; after as many quiet seconds all is forgotten.
    """

    most: int
    seconds: int
    pause: int = 0

    def wait(self, attempts: int, left: float) -> float:
        """Return how many seconds the next attempt is early, when what is known is forgotten in `left` seconds."""
        if attempts < self.most:
            return 0
        if not self.pause:
            return left
        # Doubled so often it is longer than any that counts; as often as a flood has tries, it would fill the memory.
        pause = self.pause << min(attempts - self.most, self.seconds.bit_length())
        return left - self.seconds + min(self.seconds, pause)

    def scaled(self, factor: int) -> "Rule":
        """Return the rule that lets in `factor` times as many."""
        return Rule(self.most * factor, self.seconds, self.pause)

    def halved(self) -> "Rule":
        """Return the rule at half the rate."""
        return Rule(max(1, self.most // 2), self.seconds, self.pause * 2)


class Limit(StrEnum):
    """What is counted: those above for each client address, the others for each account or mail address."""

    LOGINS = "logins"
    REGISTRATIONS = "registrations"
    MAILS_ASKED = "mails_asked"
    ONE_TIME_TOKENS = "one_time_tokens"
    REFUSED_REFRESHES = "refused_refreshes"

    MAILS_TO = "mails_to"
    RESETS_TO = "resets_to"
    """Mails that reset a password: apart, or whoever asks for others would keep an owner out who has forgotten it."""
    PASSWORDS = "passwords"
    """Passwords tried for an account, whoever tries."""
    PASSWORDS_ON_DEVICE = "passwords_on_device"
    """Those that come from a device where its owner has logged in before."""

    @property
    def rule(self) -> Rule:
        """The rule, before THROTTLE_FACTOR."""
        return RULES[self]

    @property
    def is_by_address(self) -> bool:
        """Whether it counts what comes from one client address."""
        return self not in {Limit.MAILS_TO, Limit.RESETS_TO, Limit.PASSWORDS, Limit.PASSWORDS_ON_DEVICE}


RULES = {
    Limit.LOGINS: Rule(20, MINUTE),
    Limit.REGISTRATIONS: Rule(20, HOUR),
    Limit.MAILS_ASKED: Rule(20, HOUR),
    Limit.ONE_TIME_TOKENS: Rule(20, MINUTE),
    Limit.REFUSED_REFRESHES: Rule(60, MINUTE),
    Limit.MAILS_TO: Rule(3, HOUR),
    Limit.RESETS_TO: Rule(3, HOUR),
    Limit.PASSWORDS: Rule(5, 15 * MINUTE, pause=2),
    Limit.PASSWORDS_ON_DEVICE: Rule(5, 15 * MINUTE, pause=2),
}


class Mode(StrEnum):
    """Whether to count an attempt, or only to look whether one would be let in."""

    COUNT = "count"
    LOOK = "look"


@dataclass(frozen=True, slots=True)
class Bucket:
    """One count: of `limit`, for whom only `key` knows, by `rule`."""

    limit: Limit
    key: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class Refusal:
    """An attempt too many: by which limit, for how many seconds, and whether it is the first since one was let in."""

    limit: Limit
    seconds: int
    is_first: bool
