"""Whom a service hears of: the client's one address, whatever the request says of its way."""

import random
from ipaddress import IPv4Address, IPv6Address

import pytest

from tests.gateway.conftest import OneGateway
from tests.gateway.peers import Upstream, Wire, get
from tests.gateway.process import Gateway
from tests.proofs import rounds

FIELDS = ("X-Forwarded-For", "X_Forwarded_For", "X-Forwarded.For", "Forwarded", "X-Real-IP", "x-FORWARDED-for")


def forged(dice: random.Random) -> str:
    """Return a field that claims to come from somewhere."""
    address = dice.choice([str(IPv4Address(dice.getrandbits(32))), str(IPv6Address(dice.getrandbits(128)))])
    name = dice.choice(FIELDS)
    return f"{name}: {'for=' if name == 'Forwarded' else ''}{address}{dice.choice(['', ', 127.0.0.1', ', 10.0.0.1'])}"


class TestForwarding:
    async def test_xff_spoof(self, gateway: Gateway, upstream: Upstream) -> None:
        """A thousand forged addresses are one client."""
        dice = random.Random(7)
        async with Wire.to(gateway.port) as wire:
            for _ in range(rounds(1000)):
                await wire.answer(get("/todos", *(forged(dice) for _ in range(dice.randint(1, 3)))))

        assert {tuple(request.all("x-forwarded-for")) for request in upstream.seen} == {("127.0.0.1",)}
        others = {"forwarded", "x-real-ip", "x_forwarded_for", "x-forwarded.for"}
        assert not any(name in others for request in upstream.seen for name, _ in request.fields)

    @pytest.mark.parametrize(
        ("sent", "heard"),
        [
            *(("9.9.9.9", "9.9.9.9"), ("1.1.1.1, 9.9.9.9", "9.9.9.9"), ("9.9.9.9, 127.0.0.1", "9.9.9.9")),
            *(("2001:db8::1", "2001:db8::1"), ("9.9.9.9, junk", "127.0.0.1"), ("fe80::1%evil", "127.0.0.1")),
        ],
    )
    async def test_trusted_proxy(self, one_gateway: OneGateway, upstream: Upstream, sent: str, heard: str) -> None:
        """A proxy in front is believed for the last address that is not a proxy's, and for nothing left of it."""
        async with one_gateway(TRUSTED_PROXIES="127.0.0.1/32") as gateway:
            await gateway.ask(get("/todos", f"X-Forwarded-For: {sent}", "X-Forwarded-Proto: https", "Forwarded: for=6"))

        assert upstream.last.all("x-forwarded-for") == [heard]
        assert upstream.last.all("x-forwarded-proto") == ["https"]
        assert upstream.last.all("forwarded") == []

    @pytest.mark.parametrize("name", ["X_Forwarded_For", "X.Forwarded.For", "X-Forwarded_Host", "Content_Length", "_"])
    async def test_alias_headers(self, gateway: Gateway, upstream: Upstream, name: str) -> None:
        """Names that some servers read as another field's do not arrive."""
        await gateway.ask(get("/todos", f"{name}: 1"))

        assert upstream.last.all(name.lower()) == []
