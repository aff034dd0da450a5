"""What the gateway counts."""

import httpx
import pytest

from devstack.ports import free_ports
from gateway.configuration.config import Config
from gateway.configuration.settings import Environment, Settings
from gateway.edge import Checks, Edge
from gateway.exchange.passage import Passage
from gateway.heads.locations import Locations
from gateway.limits import Limits
from gateway.metrics import CountingLog, requests_of
from gateway.tokens import TokenCheck
from gateway.upstreams.tally import Tally
from shared.metrics import Metrics
from tests.draining.replicas import replica
from tests.gateway.peers import OK, get
from tests.gateway.process import NO_KEYS, config_text, running_gateway
from tests.metering import read, scan

FREE = {"auth": "none", "limit": "few"}


@pytest.fixture
def config() -> Config:
    """A route, and one for streams."""
    routes = [
        {"path": "/todos", "upstream": "one", "methods": ["GET"], "auth": "none", "limit": "few", "max_body": 0},
        {
            "path": "/live",
            "upstream": "one",
            "methods": ["GET"],
            "auth": "none",
            "limit": "few",
            "max_body": 0,
            "stream": "sse",
        },
    ]
    limits = {"few": {"key": "ip", "rate": 1, "burst": 1}}
    upstreams = {"one": {"url": "http://one"}}
    return Config.model_validate({"upstreams": upstreams, "limits": limits, "routes": routes})


class TestFigures:
    async def test_label_count(self, config):
        """Ten thousand paths, none of them a route, are counted as such: two hundred series at most."""
        environment = Environment(
            environment="development", public_url="http://localhost:8080", auth_jwks_url=NO_KEYS, log_level="error"
        )
        requests = requests_of(config)
        passage = Passage({}, config, Locations("http://localhost:8080", [], []), Tally())
        log, tokens = CountingLog(environment, requests), TokenCheck(environment)
        settings = Settings(environment, config)
        edge = Edge(settings, scan, passage, log, Checks(tokens, Limits(settings)))

        await scan(edge, 10_000)

        found = read(await Metrics(requests).render())
        assert len(found) <= 200
        assert found["http_requests_total{'method': 'other', 'route': 'none', 'status': '404'}"] == 3332

    async def test_streams_have_no_time(self, config):
        """A route of streams is counted, and its hours are nobody's waiting."""
        requests = requests_of(config)
        requests.observe("GET", "/live", 200, 3600.0)

        assert read(await Metrics(requests).render())["http_request_seconds_count"] == 0

    async def test_are_at_the_admin_port(self, tmp_path):
        """The gateway as operators start it counts what it has answered, and tells of its parts, there alone."""
        (tmp_path / "gateway.toml").write_text(config_text())
        [admin] = free_ports(1)
        given = {"GATEWAY_CONFIG": str(tmp_path / "gateway.toml"), "ADMIN_PORT": str(admin), "AUTH_JWKS_URL": NO_KEYS}
        async with replica("gateway", {**given, "BIND_ADDRESS": "127.0.0.1"}) as one, httpx.AsyncClient() as client:
            await one.client.get("/nowhere")
            found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)
            public = await one.client.get("/status")
            status = (await client.get(f"http://127.0.0.1:{admin}/status")).json()

        assert found["http_requests_total{'method': 'GET', 'route': 'none', 'status': '404'}"] == 1
        assert (public.status_code, status["status"]) == (404, "ready")
        assert status["keys"] == {"own": {"keys": [], "skipped": 0, "age_seconds": None}}

    async def test_tell_of_the_services(self, tmp_path, upstream):
        """What became of attempts, what was asked again or refused, and which addresses are in use."""
        turns = iter([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", OK, OK])

        async def script(wire, _):
            await wire.send(next(turns))

        upstream.script = script
        [admin] = free_ports(1)
        ports = dict.fromkeys(("PLAIN", "JAR", "DEAD", "HOLE"), upstream.port)
        async with running_gateway(tmp_path, ports, ADMIN_PORT=str(admin)) as gateway, httpx.AsyncClient() as client:
            assert (await gateway.ask(get("/todos"))).status == 200
            found = read((await client.get(f"http://127.0.0.1:{admin}/metrics")).content)

        assert found["gateway_upstream_requests_total{'outcome': '5xx', 'upstream': 'plain'}"] == 1
        assert found["gateway_upstream_requests_total{'outcome': '2xx', 'upstream': 'plain'}"] == 1
        assert found["gateway_upstream_seconds_count"] == 2
        assert found["gateway_retries_total{'reason': '503'}"] == 1
        assert found["gateway_shed_total{'reason': 'overloaded'}"] == 0
        assert found["gateway_endpoints{'state': 'up', 'upstream': 'plain'}"] == 1
        assert found["gateway_breaker_open{'upstream': 'plain'}"] == 0
        assert found["gateway_in_flight"] == 0
