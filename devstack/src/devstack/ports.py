"""Ports: the two that people know by heart, and free ones for everybody else. All of them on 127.0.0.1."""

import errno
import os
import random
import socket
from collections import deque
from collections.abc import Mapping

from devstack.commands import CannotStart

# Below the ranges from which Linux (32768 up) and macOS (49152 up) take the ports of outgoing connections: a port from
# those may be gone again before the process that it was chosen for listens on it.
_RANGE = range(20_000, 32_000)

# Descriptors of the UDP twins of the ports that this process chose last. Nobody speaks UDP there, so whoever holds the
# twin has the port, and others pass it by between the choice and the moment when a server listens.
_claims: deque[int] = deque()
_MOST_CLAIMS = 64


def fixed_ports(caller: Mapping[str, str]) -> tuple[int, int]:
    """Return the gateway's port and the mail catcher's, from PORT and MAIL_PORT or 8080 and 8025.

    Raises `CannotStart` naming the variable when one is no port number or is taken.
    """
    gateway, mail = (_port_of(name, caller, usual) for name, usual in (("PORT", 8080), ("MAIL_PORT", 8025)))
    if gateway == mail:
        raise CannotStart(f"PORT and MAIL_PORT are both {gateway}: give them different numbers")
    for name, port in (("PORT", gateway), ("MAIL_PORT", mail)):
        if (why := why_unusable(port)) is not None:
            raise CannotStart(f"port {port} {why}: choose another one, for example make up {name}={port + 1000}")
    return gateway, mail


def _port_of(name: str, caller: Mapping[str, str], usual: int) -> int:
    text = caller.get(name) or str(usual)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65_536:
        raise CannotStart(f"{name}={text} is no port number: it takes one from 1 to 65535")
    return int(text)


def why_unusable(port: int) -> str | None:
    """Say why nothing can listen on 127.0.0.1:`port`, or None when something can.

    Browsers ask [::1] first for `localhost`, so whoever listens there alone has taken the port as well.
    """
    if any(_answers(family, host, port) for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))):
        return "is taken by another program"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return "is taken by another program" if error.errno == errno.EADDRINUSE else "may not be used by you"
    return None


def _answers(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        with socket.socket(family) as probe:
            probe.settimeout(1)
            return probe.connect_ex((host, port)) == 0
    except OSError:  # A machine without IPv6.
        return False


def free_ports(count: int) -> list[int]:
    """Return `count` different ports that nobody listens on, and that no other process of ours was given just now."""
    candidates = random.sample(_RANGE, len(_RANGE))
    free = (port for port in candidates if why_unusable(port) is None and _claims_first(port))
    return [next(free) for _ in range(count)]


def _claims_first(port: int) -> bool:
    with socket.socket(type=socket.SOCK_DGRAM) as claim:
        try:
            claim.bind(("127.0.0.1", port))
        except OSError:
            return False
        _claims.append(claim.detach())
    if len(_claims) > _MOST_CLAIMS:
        os.close(_claims.popleft())
    return True
