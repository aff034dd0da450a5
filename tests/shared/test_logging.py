"""Log lines: one JSON object each, joined by the request id, without anything secret."""

import json
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, sys
import httpx, structlog
from fastapi import FastAPI, Response
from shared.logging import configure_logging
from shared.request_log import RequestLog

configure_logging("todo-service", sys.argv[3], sys.argv[1])
app = FastAPI()
app.add_middleware(RequestLog, trusts=lambda host: True)

@app.get("/todos/{todo_id}")
async def read(todo_id: str):
    structlog.get_logger().info("inside")
    logging.getLogger("some.library").warning("from a library")
    password = "canary-local"
    try:
        raise ValueError("out of order")
    except ValueError as error:
        structlog.get_logger().error("failed", exc_info=error)

@app.get("/readyz")
async def readyz(well: bool):
    return Response(status_code=200 if well else 503)

async def main():
    transport = httpx.ASGITransport(app=app)
    headers = {
        "X-Request-Id": "request-1234",
        "Authorization": "Bearer canary-token",
        "Cookie": "todo_rt=canary-cookie",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get(sys.argv[2], headers=headers)

asyncio.run(main())
"""


def printed(log_format: str, target: str = "/todos/7?search=canary-search", level: str = "info") -> str:
    """Return what one request leaves on stdout, in a process of its own."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, log_format, target, level]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture(scope="module")
def lines() -> list[dict]:
    """The JSON lines of one request."""
    return [json.loads(line) for line in printed("json").splitlines()]


class TestJsonLines:
    def test_carry_time_level_service_and_event(self, lines):
        """Every line, a library's too, has what a log store sorts by."""
        assert len(lines) == 4
        assert all({"ts", "level", "service", "event"} <= set(line) for line in lines)
        assert {line["service"] for line in lines} == {"todo-service"}

    def test_are_joined_by_the_request_id(self, lines):
        """All lines of a request have its id and its trace."""
        assert {line["request_id"] for line in lines} == {"request-1234"}
        assert {line["trace_id"] for line in lines} == {"0af7651916cd43dd8448eb211c80319c"}

    def test_end_with_one_line_for_the_request(self, lines):
        """It names method, route template, status and duration."""
        request = lines[-1]

        assert request["event"] == "request"
        assert (request["method"], request["route"], request["status"]) == ("GET", "/todos/{todo_id}", 200)
        assert request["duration_ms"] >= 0

    def test_leave_out_probes_that_went_well(self):
        """Balancers ask all day: what they hear is a line at `debug`, or when it is not 200."""
        assert printed("json", "/readyz?well=yes") == ""
        assert json.loads(printed("json", "/readyz?well=yes", "debug").splitlines()[-1])["route"] == "/readyz"
        assert json.loads(printed("json", "/readyz?well=no"))["status"] == 503

    @pytest.mark.parametrize("log_format", ["json", "console"])
    def test_hold_nothing_secret(self, log_format):
        """No token, cookie, query value, or local variable of a traceback."""
        output = printed(log_format)

        assert "canary" not in output
        assert "ValueError: out of order" in output
