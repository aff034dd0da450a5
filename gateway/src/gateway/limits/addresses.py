"""Whom an address stands for."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

__all__ = ["network_of"]

IPV6_PREFIX = 64
"""What one household or machine has; within it everybody takes any address."""


def network_of(address: str) -> str:
    """Return what all addresses of one client have in common: of IPv6 the /64, of IPv4 and what is neither, itself."""
    return _network_of(address) if ":" in address else address


@lru_cache(maxsize=4096)
def _network_of(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    # So a listener for both kinds of addresses sees IPv4.
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), IPV6_PREFIX), strict=False))
