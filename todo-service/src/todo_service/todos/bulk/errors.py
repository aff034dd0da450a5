"""What a bulk as a whole refuses."""

from shared.problems import Unprocessable

__all__ = ["BulkFailed"]


class BulkFailed(Unprocessable):
    """Some operations of an atomic bulk cannot be done, so none was: `errors` names each by its `index`."""

    code, title = "bulk_failed", "Bulk failed"
