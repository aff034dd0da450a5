"""Which hosts the gateway answers for, and what else a request may name as its target."""

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway


def asking(host: str, target: str = "/todos") -> str:
    return f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"


class TestHosts:
    @pytest.mark.parametrize("hosts", [[], ["localhost"] * 2, ["a/b"], ["a b"], ["user@a"], [""], ["a:123456"]])
    async def test_host_is_named_once(self, gateway: Gateway, upstream: Upstream, hosts: list[str]) -> None:
        """A request asks exactly one host, by name and perhaps port."""
        lines = "".join(f"Host: {host}\r\n" for host in hosts)

        answer = await gateway.ask(f"GET /todos HTTP/1.1\r\n{lines}\r\n")

        assert (answer.status, answer.code) == (400, "bad_host")
        assert upstream.seen == []

    @pytest.mark.parametrize(
        "host", ["localhost", "localhost:8080", "LocalHost:1", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:80"]
    )
    async def test_host_listed(self, gateway: Gateway, upstream: Upstream, host: str) -> None:
        """A listed host is served at any port, and the upstream hears which one was asked."""
        answer = await gateway.ask(asking(host))

        assert answer.status == 200
        assert upstream.last.one("x-forwarded-host") == host

    @pytest.mark.parametrize(
        "host", ["evil.test", "localhost.evil.test", "localhost.", "[::2]", "[::]", "127.0.0.2", "localhost:80:80", "1"]
    )
    async def test_host_unlisted(self, gateway: Gateway, upstream: Upstream, host: str) -> None:
        """Another host's request is misdirected, and says so to pages too."""
        answer = await gateway.ask(asking(host).replace("\r\n\r\n", f"\r\nOrigin: {gateway.origin}\r\n\r\n"))

        assert (answer.status, answer.code) in {(421, "wrong_host"), (400, "bad_host")}
        assert answer.one("access-control-allow-origin") == gateway.origin
        assert upstream.seen == []

    @pytest.mark.parametrize("target", ["/livez", "/readyz", "/readyz/"])
    async def test_host_of_a_probe(self, gateway: Gateway, target: str) -> None:
        """An orchestrator asks by address how the gateway is; everything else has a name."""
        assert (await gateway.ask(asking("10.1.2.3:8080", target))).status == 200
        assert (await gateway.ask(asking("10.1.2.3:8080", "/health"))).status == 421

    async def test_host_by_environment(self, one_gateway: OneGateway) -> None:
        """GATEWAY_HOSTS takes the list's place; PUBLIC_URL's own host is always there."""
        hosts = "todo.example, api.example:444"
        async with one_gateway(GATEWAY_HOSTS=hosts, PUBLIC_URL="https://app.example") as gateway:
            asked = ["todo.example:1", "api.example:444", "app.example:443", "api.example", "localhost"]
            statuses = [(await gateway.ask(asking(host))).status for host in asked]

        assert statuses == [200, 200, 200, 421, 421]


class TestAbsoluteTargets:
    @pytest.mark.parametrize(
        ("target", "sent"),
        [
            *(("http://localhost:8080/todos/1?q", "/todos/1?q"), ("HTTPS://localhost/todos", "/todos")),
            ("http://localhost/todos/%41?http://x/", "/todos/%41?http://x/"),
        ],
    )
    async def test_absolute_target(self, gateway: Gateway, upstream: Upstream, target: str, sent: str) -> None:
        """The target's host takes the place of `Host`, its path and query are routed and sent."""
        answer = await gateway.ask(asking("evil.test", target))

        assert (answer.status, upstream.last.target) == (200, sent)
        assert (upstream.last.one("x-forwarded-host") or "").startswith("localhost")

    @pytest.mark.parametrize(
        ("target", "status"),
        [
            *(("http://evil.test/todos", 421), ("http://user@localhost/todos", 400), ("http://localhost", 307)),
            *(("http://localhost?q", 307), ("http://localhost#/todos", 400), ("http://localhost//todos", 400)),
        ],
    )
    async def test_absolute_target_is_checked(
        self, gateway: Gateway, upstream: Upstream, target: str, status: int
    ) -> None:
        """What it names is checked as if it had come in two parts."""
        assert (await gateway.ask(asking("localhost", target))).status == status
        assert upstream.seen == []

    @pytest.mark.parametrize("host", ["", "Host: localhost\r\nHost: localhost\r\n"])
    async def test_absolute_target_is_no_host(self, gateway: Gateway, upstream: Upstream, host: str) -> None:
        """It does not make up for a missing or doubled `Host` (RFC 9112 section 3.2)."""
        answer = await gateway.ask(f"GET http://localhost/todos HTTP/1.1\r\n{host}\r\n")

        assert (answer.status, answer.code) == (400, "bad_host")
        assert upstream.seen == []

    async def test_tunnel(self, gateway: Gateway) -> None:
        """Nobody gets through to elsewhere."""
        async with Wire.to(gateway.port) as wire:
            answer = await wire.answer(get("localhost:443", method="CONNECT") + get("/todos"))

            assert (answer.status, answer.code) == (501, "not_implemented")
            assert await wire.reader.read() == b""
