"""Attacks on a token, each as a function from a kind of token to a text that no verifier may accept.

None stands for an attack that does not apply to a kind, because what it makes is a good token there.
"""

import json

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.shared.tokens.corpus_claims import attacks_on_claims
from tests.shared.tokens.minting import DROP, as_json, compact, hmac_sha256

JUNK = ("!!", "=", "==", "+/", " ", "\n", "\t", "\x00", "é", "%3D", "\u200b")
ALGORITHMS = ("none", "None", "NONE", "nOnE", "", " ", "es256", "hs256", "eddsa", "Ed25519", "Ed448", "ES384", "ES512")
MORE_ALGORITHMS = ("ES256K", "RS384", "RS512", "PS256", "PS384", "HS384", "HS512", "HS1", "RSA1_5", "dir", "ES256 ")
WRONG_ALGORITHMS = (*ALGORITHMS, *MORE_ALGORITHMS)
WRONG_TYPES = (
    "",
    "jwt",
    "AT+JWT",
    "application/at+jwt",
    "application/jwt",
    "at+jwt ",
    "rt+jwt",
    "secevent+jwt",
    "dpop+jwt",
)
HEADER_MEMBERS = {
    "crit": ["exp"],
    "b64": False,
    "jku": "http://127.0.0.1/keys",
    "jwk": {"kty": "oct", "k": "AA"},
    "x5u": "http://127.0.0.1/cert",
    "x5c": ["AA"],
    "x5t": "AA",
    "x5t#S256": "AA",
    "zip": "DEF",
    "enc": "A256GCM",
    "cty": "JWT",
    "epk": {},
    "nonce": "x",
    "": "x",
}
RAW_HEADERS = {
    "null": b"null",
    "a list": b"[]",
    "a text": b'"alg"',
    "a number": b"1",
    "cut": b"{",
    "two": b"{}{}",
    "not UTF-8": b"\xff\xfe{}",
    "nothing in it": b"{}",
    "deep": b'{"alg":' + b"[" * 700,
    "deep objects": b'{"a":' * 140,
    "with a comment": b'{"alg":"HS256"/**/}',
    "with NaN": b'{"alg":"HS256","typ":NaN}',
}
KIDS = ("", "../../dev/null", "/etc/passwd", "' OR '1'='1", "$(id)", "\x00", "http://127.0.0.1/k", "x" * 129)


def _attacks():
    yield from _shapes()
    yield from _headers()
    yield from _signatures()
    yield from attacks_on_claims()


def _shapes():
    for place, part in enumerate(("header", "payload", "signature")):
        for junk in JUNK:
            yield f"{junk!r} behind the {part}", lambda kind, place=place, junk=junk: _in_part(kind, place, "{}" + junk)
        for junk in (" ", "=", "\n"):
            yield f"{junk!r} before the {part}", lambda kind, place=place, junk=junk: _in_part(kind, place, junk + "{}")
        yield f"no {part}", lambda kind, place=place: _in_part(kind, place, "")
    for number in (1, 2, 4, 5, 6):
        yield f"{number} parts", lambda kind, number=number: ".".join((kind.token().split(".") * 2)[:number])
    yield (
        "standard base64",
        lambda kind: kind.token(payload=b'{"sub":"\xc3\xbf\xc3\xbf??>>"}').translate({45: 43, 95: 47}),
    )
    yield "quoted", lambda kind: f'"{kind.token()}"'
    yield "twice", lambda kind: kind.token() * 2
    yield "a list of tokens", lambda kind: f"{kind.token()},{kind.token()}"
    yield "JSON serialisation", _as_json_serialisation
    yield "encrypted", lambda kind: compact({"alg": "dir", "enc": "A256GCM"}, b"", lambda _: b"x") + ".AA.AA"
    yield "too long", lambda kind: kind.token(filler="x" * 8192)


def _in_part(kind, place, form):
    parts = kind.token().split(".")
    parts[place] = form.format(parts[place])
    return ".".join(parts)


def _as_json_serialisation(kind):
    protected, payload, signature = kind.token().split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def _headers():
    for alg in WRONG_ALGORITHMS:
        yield f"alg {alg!r}", lambda kind, alg=alg: kind.token(header={"alg": alg})
    for alg in (DROP, None, 1, ["HS256"], {}):
        yield f"alg {alg if alg is not DROP else 'missing'!r}", lambda kind, alg=alg: kind.token(header={"alg": alg})
    for typ in WRONG_TYPES:
        yield f"typ {typ!r}", lambda kind, typ=typ: kind.token(header={"typ": typ})
    yield "typ of another issuer", lambda kind: kind.token(header={"typ": "JWT" if kind.is_own else "at+jwt"})
    for name, value in HEADER_MEMBERS.items():
        yield f"header member {name!r}", lambda kind, name=name, value=value: kind.token(header={name: value})
    for name, raw in RAW_HEADERS.items():
        yield f"header: {name}", lambda kind, raw=raw: kind.token(header=raw)
    yield "header twice as one", _repeated_algorithm
    for kid in KIDS:
        yield f"kid {kid[:20]!r}", lambda kind, kid=kid: kind.token(header={"kid": kid}) if kind.key else None
    yield "kid missing", lambda kind: kind.token(header={"kid": DROP}) if kind.key else None
    for kid in (None, 1, [], {}):
        yield f"kid {kid!r}", lambda kind, kid=kid: kind.token(header={"kid": kid})


def _repeated_algorithm(kind):
    members = as_json(kind.header)
    return kind.token(header=members[:-1] + b', "\\u0061lg": "none"}')


def _signatures():
    yield "unsigned", lambda kind: kind.token(header={"alg": "none"}, sign=lambda _: b"")
    yield "signature of another token", lambda kind: _spliced(kind.token(), kind.token(sub="eve"), 2)
    yield "payload of another token", lambda kind: _spliced(kind.token(), kind.token(sub="eve"), 1)
    for size in (1, 16, 31, 32, 33, 63, 64, 65, 128, 255, 256, 257):
        yield f"{size} zero bytes", lambda kind, size=size: kind.token(sign=lambda _: b"\0" * size)
        yield f"{size} bytes of ones", lambda kind, size=size: kind.token(sign=lambda _: b"\xff" * size)
    for name, spoil in {
        "cut short": lambda raw: raw[:-1],
        "one byte longer": lambda raw: raw + b"\0",
        "one byte before": lambda raw: b"\0" + raw,
        "its first bit turned": lambda raw: bytes([raw[0] ^ 0x80]) + raw[1:],
        "its last bit turned": lambda raw: raw[:-1] + bytes([raw[-1] ^ 1]),
        "backwards": lambda raw: raw[::-1],
        "its halves exchanged": lambda raw: raw[len(raw) // 2 :] + raw[: len(raw) // 2],
        "half of it": lambda raw: raw[: len(raw) // 2],
        "twice": lambda raw: raw * 2,
    }.items():
        yield f"signature {name}", lambda kind, spoil=spoil: kind.token(sign=lambda text: spoil(kind.sign(text)))
    for secret in ("", "secret", "changeme", "your-256-bit-secret", "better-auth-secret-123456789", "\0" * 32):
        yield f"by the secret {secret!r}", lambda kind, secret=secret: kind.token(sign=hmac_sha256(secret))
    for form in ("pem", "der", "ssh", "jwk", "jwk set"):
        yield f"HMAC by the public key as {form}", lambda kind, form=form: _by_public_key(kind, form)


def _spliced(token, other, place):
    parts = token.split(".")
    parts[place] = other.split(".")[place]
    return ".".join(parts)


def _by_public_key(kind, form):
    if kind.key is None:
        return None
    return kind.token(header={"alg": "HS256"}, sign=hmac_sha256(encodings_of(kind.key)[form]))


def encodings_of(key):
    """The forms in which a public key is at hand for everybody."""
    public = key.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return {
        "pem": pem,
        "pem without its last line end": pem.rstrip(),
        "der": public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        "ssh": public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        "jwk": json.dumps(key.jwk()).encode(),
        "jwk set": json.dumps({"keys": [key.jwk()]}).encode(),
    }


def forged_by(kind, other):
    """A token of `kind` that the key of another kind has signed."""
    return kind.token(sign=other.sign)


ATTACKS = dict(_attacks())
