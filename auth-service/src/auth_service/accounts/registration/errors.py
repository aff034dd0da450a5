"""Why a link that works is not followed yet."""

from shared.problems import Unauthorized

__all__ = ["ProofRequired"]


class ProofRequired(Unauthorized):
    """The link works, but nothing shows that it was you who asked for the account. Send its password too."""

    code, title = "proof_required", "Proof required"
