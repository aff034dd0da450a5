"""What every test may ask for: real servers (see `tests/servers.py`)."""

from collections.abc import Generator

import pytest

pytest_plugins = ["tests.servers", "tests.todo_service.variants"]


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Run a process more than cores: while one waits, for a service to drain or to stand still, another goes on."""
    return (yield) + 1
