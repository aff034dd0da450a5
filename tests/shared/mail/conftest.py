"""An SMTP server of the test's own."""

import pytest

from devstack.ports import free_ports
from tests.post_office import PostOffice


@pytest.fixture
def post_office():
    """An SMTP server, open."""
    with PostOffice(*free_ports(1)) as office:
        yield office
