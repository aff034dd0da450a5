"""What a limit says, and whom it counts."""

import re

import pytest

from gateway.configuration.config import RateConfig
from gateway.limits import Rule, Verdict, network_of

SECOND = 1_000_000
ITEM = re.compile(r'"([ !#-\[\]-~]*)"((?:;[a-z*][a-z0-9_.*-]*=(?:0|[1-9][0-9]{0,14}))*)')


def parsed(field: bytes) -> tuple[str, dict[str, int]]:
    """Read a list of one string with integers as parameters, as strictly as structured fields are read (RFC 9651)."""
    found = ITEM.fullmatch(field.decode("ascii"))
    assert found is not None, field
    pairs = (pair.split("=") for pair in found[2].split(";")[1:])
    return found[1], {name: int(number) for name, number in pairs}


class TestFields:
    rule = Rule.of("api", RateConfig(rate=600, per=60, burst=60), 1)

    @pytest.mark.parametrize(
        ("verdict", "remaining", "until"),
        [
            (Verdict(1, 59, 100_000, 0), 59, 1),
            (Verdict(1, 42, 1_800_000, 0), 42, 2),
            (Verdict(1, 0, 6_000_000, 0), 0, 6),
            (Verdict(0, 0, 6_000_000, 100_000), 0, 1),
            (Verdict(0, 0, 6_000_000, 2_000_001), 0, 3),
        ],
    )
    def test_say_where_the_client_stands(self, verdict, remaining, until):
        """How many more may come, and when all is well again; after a refusal, when the next one may come."""
        [(_, policy), (_, limit)] = self.rule.fields(verdict)

        assert [name for name, _ in self.rule.fields(verdict)] == [b"ratelimit-policy", b"ratelimit"]
        assert parsed(policy) == ("api", {"q": 600, "w": 60})
        assert parsed(limit) == ("api", {"r": remaining, "t": until})

    def test_retry_after_is_not_too_early(self):
        """Seconds are rounded up: who comes then is let in, and the window that is announced is over."""
        refused = Verdict(0, 0, 6_000_000, 1_000_001)

        assert refused.retry_after == 2
        assert parsed(self.rule.fields(refused)[1][1])[1]["t"] == 2

    def test_a_factor(self):
        """THROTTLE_FACTOR lets in as many times more, at once and in the long run."""
        fifty = Rule.of("api", RateConfig(rate=600, per=60, burst=60), 50)

        assert (fifty.interval, fifty.tolerance) == (2_000, 2_000 * 3_000)
        assert parsed(fifty.policy) == ("api", {"q": 30_000, "w": 60})


class TestAddresses:
    @pytest.mark.parametrize(
        ("address", "network"),
        [
            *(("192.0.2.1", "192.0.2.1"), ("unknown", "unknown"), ("no:address", "no:address")),
            *(("2001:db8:1:2::1", "2001:db8:1:2::/64"), ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64")),
            *(("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::/64"), ("::1", "::/64")),
        ],
    )
    def test_stand_for_their_network(self, address, network):
        """One household has a /64 of IPv6; an IPv4 address stays itself, however it is written."""
        assert network_of(address) == network
