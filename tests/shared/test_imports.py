"""What a process loads, it holds as long as it runs."""

import subprocess
import sys

import pytest

FOR_SERVERS = ("fastapi", "starlette.routing", "jose", "httpx")


class TestWorkers:
    @pytest.mark.parametrize("module", ["todo_service.worker"])
    def test_load_nothing_that_only_servers_need(self, module: str) -> None:
        """A worker serves no requests and reads no tokens: a fifth of its memory would be for what it never calls."""
        code = f"import sys, {module}\nprint(*(name for name in {FOR_SERVERS} if name in sys.modules))"

        loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

        assert loaded == [], f"`{sys.executable} -X importtime -c 'import {module}'` shows by which way they came"
