"""What is refused to who shows a ticket."""

from shared.problems import Unauthorized

__all__ = ["InvalidTicket"]


class InvalidTicket(Unauthorized):
    """The ticket is not one of ours, is used, or is too old. Ask for another one."""

    code, title = "invalid_ticket", "Invalid ticket"

    def __init__(self) -> None:
        """Challenge as for a token, which would open the stream too (RFC 9110 section 15.5.2)."""
        super().__init__(headers={"WWW-Authenticate": "Bearer"})
