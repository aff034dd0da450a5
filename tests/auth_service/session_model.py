"""Sessions as one would explain them to somebody, in memory: what the service is held against."""

from dataclasses import dataclass

DAY = 86_400.0
RACE, LOST_REPLY = 10.0, 30.0
IDLE, ABSOLUTE = 14 * DAY, 30 * DAY


@dataclass
class ModelToken:
    """A refresh token; `text` is known once it was given out."""

    text: str | None
    issued: float
    used: float | None = None
    is_seen: bool = False


@dataclass
class ModelSession:
    """A session, its refresh tokens from the first to the live one, and how many seconds ago it was opened."""

    tokens: list[ModelToken]
    age: float = 0.0
    idle_end: float = IDLE
    has_ended: bool = False

    @property
    def is_alive(self) -> bool:
        """Whether it has neither ended nor expired."""
        return not self.has_ended and self.age < min(self.idle_end, ABSOLUTE)

    def present(self, place: int) -> ModelToken | None:
        """Take the token at `place`; return the one that must come back, or None when the answer is no."""
        token, live = self.tokens[place], self.tokens[-1]
        if not self.is_alive:
            return None
        if token is live and place > 0 and self.age - token.issued <= RACE:
            token.is_seen = True
            return token
        if token is live:
            token.used, self.idle_end = self.age, self.age + IDLE
            self.tokens.append(ModelToken(None, self.age))
            return self.tokens[-1]
        is_parent = place == len(self.tokens) - 2
        if is_parent and self.age - token.used <= (RACE if live.is_seen else LOST_REPLY):
            return live
        self.has_ended = True
        return None
