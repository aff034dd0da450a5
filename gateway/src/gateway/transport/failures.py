"""How an exchange with an upstream can fail, sorted by what is known of it: was the request sent, was it answered?"""

__all__ = ["AnswerBroken", "NotSent", "SentNoAnswer", "UpstreamFailure"]


class UpstreamFailure(Exception):
    """The upstream gave no good answer."""

    def __init__(self, *, is_timeout: bool = False, is_stale: bool = False) -> None:
        """Say whether it was time that ran out, or a connection that had served before and ended without a byte.

        The latter is `is_stale`: as a rule the upstream closed it for its age, which says nothing about its health.
        """
        super().__init__()
        self.is_timeout = is_timeout
        self.is_stale = is_stale


class NotSent(UpstreamFailure):
    """No connection came about: the upstream has not seen the request."""


class SentNoAnswer(UpstreamFailure):
    """The request was sent, perhaps in part, and no answer came: it may have been carried out."""


class AnswerBroken(UpstreamFailure):
    """The answer is not valid HTTP, or broke off."""
