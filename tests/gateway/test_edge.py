"""The last resort: a fault of the gateway's own is a problem like any other."""

import json

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.access_log import AccessLog
from gateway.configuration.config import Config
from gateway.configuration.settings import Environment, Settings
from gateway.edge import Checks, Edge
from gateway.exchange.passage import Passage
from gateway.heads.locations import Locations
from gateway.limits import Limits
from gateway.tokens import TokenCheck
from gateway.upstreams.tally import Tally
from tests.gateway.process import NO_KEYS

FREE = {"auth": "none", "limit": "few"}


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("a bug")


@pytest.fixture
def edge() -> Edge:
    """A gateway whose own endpoints have a bug."""
    environment = Environment(environment="development", public_url="http://localhost:8080", auth_jwks_url=NO_KEYS)
    config = Config.model_validate(
        {
            "cors": {"origins": ["http://app.test"]},
            "upstreams": {"one": {"url": "http://one"}},
            "limits": {"few": {"key": "ip", "rate": 1, "burst": 1}},
            "routes": [
                {"path": "/a", "upstream": "one", "methods": ["GET"], "auth": "none", "limit": "few", "max_body": 0}
            ],
        }
    )
    passage = Passage({}, config, Locations("http://localhost:8080", [], []), Tally())
    settings = Settings(environment, config)
    return Edge(
        settings, broken, passage, AccessLog("error", "json"), Checks(TokenCheck(environment), Limits(settings))
    )


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
