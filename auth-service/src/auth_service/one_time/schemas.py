"""What clients send to follow a link."""

from typing import Annotated

from pydantic import Field

from shared.bodies import Text

__all__ = ["LinkToken"]

LinkToken = Annotated[
    Text,
    Field(
        repr=False,
        max_length=512,
        description="What follows `#token=` in the link of the mail.",
        examples=["ot1.b25lLXRpbWUtZXhhbXBsZS10b2tlbi1ub3QtcmVhbC0"],
    ),
]
