"""Attacks on the claims of a token that is properly signed: see `corpus`."""

from tests.shared.tokens.minting import DROP, as_json

SUBJECTS = (DROP, None, "", 7, True, ["u"], {"id": "u"}, "x" * 256, "a\nb", "a\x00", "a\x85b", "\ud800")
ISSUERS = (DROP, None, "", 1, [], {})
AUDIENCES = (
    None,
    "",
    "todo",
    "TODO-API",
    "todo-api ",
    "https://app.example/",
    ["other"],
    [["https://app.example"]],
    {},
    1,
)
TIMES = (None, [], {}, True, "1800000500", float("1e300"), -(10**400))
PAYLOADS = {
    "a list": b"[]",
    "null": b"null",
    "a text": b'"sub"',
    "cut": b'{"sub":"u"',
    "not UTF-8": b'{"sub":"\xff"}',
    "deep": b'{"sub":' + b"[" * 5000,
    "empty": b"{}",
}
OWN_MUST_HAVE = ("iss", "aud", "sub", "client_id", "exp", "iat", "jti", "sid", "ver", "scope")
FRONTENDS_MUST_HAVE = ("iss", "aud", "sub", "exp")


def attacks_on_claims():
    """Yield the name of each attack, and what makes it."""
    for sub in SUBJECTS:
        yield f"sub {_named(sub)}", lambda kind, sub=sub: kind.token(sub=sub)
    for name in OWN_MUST_HAVE:
        yield f"without {name}", lambda kind, name=name: _without(kind, name)
    for iss in ISSUERS:
        yield f"iss {_named(iss)}", lambda kind, iss=iss: kind.token(iss=iss)
    for name, spoil in {
        "with a slash": lambda iss: iss + "/",
        "in capitals": str.upper,
        "of another scheme": lambda iss: iss.replace("https:", "http:") if "https:" in iss else "https" + iss[4:],
        "with a port": lambda iss: iss + ":443",
        "with more of a name": lambda iss: iss + ".evil.example",
        "in a list": lambda iss: [iss],
    }.items():
        yield f"iss {name}", lambda kind, spoil=spoil: kind.token(iss=spoil(kind.claims["iss"]))
    for aud in AUDIENCES:
        yield f"aud {aud!r}", lambda kind, aud=aud: kind.token(aud=aud)
    for name in ("exp", "iat", "nbf"):
        for value in TIMES:
            yield f"{name} {str(value)[:12]}", lambda kind, name=name, value=value: kind.token(**{name: value})
        for text in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000):
            yield f"{name} {text[:12]}", lambda kind, name=name, text=text: _with_number(kind, name, text)
    yield "just expired", lambda kind: kind.token(exp=kind.now)
    yield "long expired", lambda kind: kind.token(exp=kind.now - 61)
    yield "not yet begun", lambda kind: kind.token(nbf=kind.now + kind.patience + 31)
    yield "issued in the future", lambda kind: kind.token(iat=kind.now + kind.patience + 61)
    for name, payload in PAYLOADS.items():
        yield f"payload: {name}", lambda kind, payload=payload: kind.token(payload=payload)
    yield "two subjects", lambda kind: kind.token(payload=_longer(kind, b', "sub": "eve"}'))
    yield (
        "members repeated below",
        lambda kind: kind.token(payload=as_json(kind.claims)[:-1] + b', "a": {"b": 1, "b": 2}}'),
    )
    yield "text behind the payload", lambda kind: kind.token(payload=as_json(kind.claims) + b" x")
    yield (
        "a token of a mail link",
        lambda kind: kind.token(payload=as_json({"email": "a@example.com", "exp": kind.now + 60})),
    )
    yield "a cookie cache", lambda kind: kind.token(payload=as_json({"user": {"id": "u"}, "exp": kind.now + 60}))


def _named(value):
    return "missing" if value is DROP else ascii(value)[:20]


def _without(kind, name):
    must_have = OWN_MUST_HAVE if kind.is_own else FRONTENDS_MUST_HAVE
    return kind.token(**{name: DROP}) if name in must_have and kind.claims.get(name) is not DROP else None


def _with_number(kind, name, text):
    return kind.token(payload=as_json(kind.claims | {name: "@"}).replace(b'"@"', text.encode()))


def _longer(kind, more):
    return as_json(kind.claims)[:-1] + more
