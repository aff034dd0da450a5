"""What the gateway itself answers when it cannot or will not pass a request on.

`requests` has what its client can mend, `outages` what it can only wait out.

Each names its cause in `Proxy-Status` too (RFC 9209), so that an operator can tell the gateway's 502 from one that an
upstream wrote. What upstreams answer, problems included, passes untouched.
"""

from gateway.problems.outages import (
    CircuitOpen,
    ComeAgain,
    GatewayBug,
    NoEndpoint,
    NoKeys,
    Overloaded,
    UpstreamConnectTimeout,
    UpstreamProtocol,
    UpstreamReset,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from gateway.problems.refusal import Refusal
from gateway.problems.requests import (
    BadFraming,
    BadHeader,
    BadHost,
    BadTarget,
    BadToken,
    CorsForbidden,
    ExpectationFailed,
    ForwardedTooLarge,
    HeadersTooLarge,
    HeadTimeout,
    HttpVersion,
    LoopDetected,
    NoRoute,
    NoSuchMethod,
    NoToken,
    NoTunnel,
    RateLimited,
    RequestTimeout,
    TargetTooLong,
    UnknownCoding,
    Unreadable,
    WrongHost,
)

__all__ = [
    "BadFraming",
    "BadHeader",
    "BadHost",
    "BadTarget",
    "BadToken",
    "CircuitOpen",
    "ComeAgain",
    "CorsForbidden",
    "ExpectationFailed",
    "ForwardedTooLarge",
    "GatewayBug",
    "HeadTimeout",
    "HeadersTooLarge",
    "HttpVersion",
    "LoopDetected",
    "NoEndpoint",
    "NoKeys",
    "NoRoute",
    "NoSuchMethod",
    "NoToken",
    "NoTunnel",
    "Overloaded",
    "RateLimited",
    "Refusal",
    "RequestTimeout",
    "TargetTooLong",
    "UnknownCoding",
    "Unreadable",
    "UpstreamConnectTimeout",
    "UpstreamProtocol",
    "UpstreamReset",
    "UpstreamTimeout",
    "UpstreamUnreachable",
    "WrongHost",
]
