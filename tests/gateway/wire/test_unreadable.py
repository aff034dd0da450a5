"""What is left of requests that the gateway could not read."""

import json
from pathlib import Path

import httpx
import pytest

from devstack.ports import free_ports
from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Message, Wire, get
from tests.gateway.process import Gateway
from tests.gateway.wire.unreadable import NEVER_READ_WHOLE
from tests.metering import read
from tests.waiting import until

PARROT = "X-Parrot: parrot-of-a-field"
"""In no other test: the log that is searched for it is that of the whole run."""


async def line_of(answer: Message, log: Path) -> dict[str, object]:
    """Return the line of the log with the id that `answer` has."""
    request_id = answer.one("x-request-id")

    def found() -> list[str]:
        return [line for line in log.read_text().splitlines() if f'"{request_id}"' in line]

    await until(found)
    [line] = found()
    said: dict[str, object] = json.loads(line)
    return said


class TestTheLog:
    @pytest.mark.parametrize("name", NEVER_READ_WHOLE)
    async def test_has_a_line_of_each(self, gateway: Gateway, hasty: Gateway, name: str) -> None:
        """It is joined to the answer by its id, says who and why, and repeats nothing of what came."""
        status, code, request = NEVER_READ_WHOLE[name]

        asked = hasty if "stalls" in name else gateway
        answer = await asked.ask(request(PARROT))

        line = await line_of(answer, asked.log)
        assert (line["status"], line["error"], line["client_ip"]) == (status, code, "127.0.0.1")
        assert (line["method"], line["path"], line["route"]) == (None, None, None)
        assert "parrot" not in asked.log.read_text().lower()

    async def test_says_how_long_it_took(self, hasty: Gateway) -> None:
        """A head that stalls is as slow in the log as it was: the time of the requests before it is not in it."""
        async with Wire.to(hasty.port) as wire:
            await wire.answer(get("/todos"))
            answer = await wire.answer("GET /")

        milliseconds = (await line_of(answer, hasty.log))["duration_ms"]
        assert isinstance(milliseconds, float)
        assert 700 <= milliseconds < 8000

    async def test_of_people_has_it_too(self, one_gateway: OneGateway) -> None:
        """So has the log that is not JSON."""
        async with one_gateway(LOG_FORMAT="console") as gateway:
            answer = await gateway.ask(get("*"))
            request_id = answer.one("x-request-id") or ""

            await until(lambda: request_id in gateway.log.read_text())


class TestTheFigures:
    async def test_count_them(self, one_gateway: OneGateway) -> None:
        """They count as requests without a route and by no known method; no series is made of what they hold."""
        [admin] = free_ports(1)
        async with one_gateway(ADMIN_PORT=str(admin)) as gateway, httpx.AsyncClient() as client:
            for number in range(20):
                await gateway.ask(get(f"http:{number}", method=f"M{number}"))
            found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)

        assert found["http_requests_total{'method': 'other', 'route': 'none', 'status': '400'}"] == 20
