"""How an exchange with an upstream can fail, sorted by what is known of it: was the request sent, was it answered?"""

__all__ = ["AnswerBroken", "NotSent", "SentNoAnswer", "UpstreamFailure"]


class UpstreamFailure(Exception):
    """The upstream gave no good answer."""

    def __init__(self, *, is_timeout: bool = False) -> None:
        """Say whether it was time that ran out."""
        super().__init__()
        self.is_timeout = is_timeout


class NotSent(UpstreamFailure):
    """No connection came about: the upstream has not seen the request."""


class SentNoAnswer(UpstreamFailure):
    """The request was sent, perhaps in part, and no answer came: it may have been carried out."""


class AnswerBroken(UpstreamFailure):
    """The answer is not valid HTTP, or broke off."""
