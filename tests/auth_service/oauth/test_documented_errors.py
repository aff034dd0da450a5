"""docs/problems.md knows every error in OAuth's words."""

import re
from pathlib import Path

from auth_service.oauth.errors import OAuthError

DOCUMENT = Path(__file__).parents[3] / "docs" / "problems.md"


def test_every_error_is_documented_with_its_status():
    """An error that is answered has a row, and no row is left over."""
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", DOCUMENT.read_text(), re.MULTILINE)

    assert sorted(rows) == sorted((kind.error, str(kind.status)) for kind in OAuthError.__subclasses__())
