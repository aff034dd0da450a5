"""The last resort: a fault of the gateway's own is a problem like any other."""

import json

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.access_log import AccessLog
from gateway.config import Config
from gateway.edge import Edge
from gateway.locations import Locations
from gateway.passage import Passage
from gateway.settings import Environment, Settings
from gateway.tally import Tally


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("a bug")


@pytest.fixture
def edge() -> Edge:
    """A gateway whose own endpoints have a bug."""
    environment = Environment(environment="development", public_url="http://localhost:8080")
    config = Config.model_validate(
        {
            "cors": {"origins": ["http://app.test"]},
            "upstreams": {"one": {"url": "http://one"}},
            "routes": [{"path": "/a", "upstream": "one", "methods": ["GET"], "max_body": 0}],
        }
    )
    passage = Passage({}, config, Locations("http://localhost:8080", [], []), Tally())
    return Edge(Settings(environment, config), broken, passage, AccessLog("error", "json"))


class TestBugs:
    async def test_are_a_500_that_a_page_can_read(self, edge: Edge, capsys: pytest.CaptureFixture[str]) -> None:
        """The client gets a problem with CORS fields and an id, and no word of what went wrong."""
        async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://localhost:8080") as client:
            answer = await client.get("/health", headers={"Origin": "http://app.test"})

        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert answer.headers["access-control-allow-origin"] == "http://app.test"
        assert answer.headers["proxy-status"] == "gateway; error=proxy_internal_error"
        assert "a bug" not in json.dumps(answer.json())
        assert answer.json()["request_id"] == answer.headers["x-request-id"]
