"""How long the long proofs are: a fifth of them in every run of the tests, the whole with `make proofs`."""

import os

IS_WHOLE = os.environ.get("PROOFS") == "whole"


def rounds(whole: int) -> int:
    """Return how many of `whole` rounds this run makes."""
    return whole if IS_WHOLE else whole // 5
