"""`python -m gateway`, on a machine whose name server knows the names in NAMES, a JSON object of lists of addresses."""

import json
import os
from collections.abc import Sequence

from gateway.__main__ import serve
from gateway.configuration.settings import load_settings

NAMES = "NAMES"


async def resolve(host: str) -> Sequence[str]:
    """Return the addresses of a name."""
    return json.loads(os.environ[NAMES])[host]


if __name__ == "__main__":
    serve(load_settings(), resolve)
