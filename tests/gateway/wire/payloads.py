"""What attackers send to make two servers disagree on where a request ends, and what the gateway answers to it."""

from typing import NamedTuple

from tests.gateway.peers import get

__all__ = ["PAYLOADS", "Payload"]

HIDDEN = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH = f"Content-Length: {len(HIDDEN)}"
CHUNKED = "Transfer-Encoding: chunked"
BARE = "POST /todos HTTP/1.1\r\nHost: localhost\r\n"


class Payload(NamedTuple):
    """Bytes for one connection, and the statuses that come back."""

    name: str
    raw: str
    statuses: tuple[int, ...]


def _post(body: str, *lines: str) -> str:
    return get("/todos", *lines, method="POST") + body


def _chunked(body: str) -> str:
    return _post(body, CHUNKED)


LENGTHS = [
    Payload("two lengths", _post(HIDDEN, LENGTH, "Content-Length: 0"), (400,)),
    Payload("the same length twice", _post(HIDDEN, LENGTH, LENGTH), (400,)),
    Payload("lengths in a list", _post("x", "Content-Length: 1, 1"), (400,)),
    Payload("length with a sign", _post("x", "Content-Length: +1"), (400,)),
    Payload("negative length", _post(HIDDEN, "Content-Length: -1"), (400,)),
    Payload("length in hex", _post(HIDDEN, "Content-Length: 0x10"), (400,)),
    Payload("length with a space", _post(HIDDEN, "Content-Length: 1 0"), (400,)),
    Payload("length with an underscore", _post("x" * 10, "Content-Length: 1_0"), (400,)),
    Payload("no length", _post(HIDDEN, "Content-Length:"), (400,)),
    Payload("length over 64 bits", _post(HIDDEN, "Content-Length: 18446744073709551616"), (400,)),
    Payload("length behind many zeros", _post("abc", f"Content-Length: {3:05000}"), (400,)),
    Payload("length with a fraction", _post("x", "Content-Length: 1.0"), (400,)),
    Payload("length of another alphabet", _post("x", "Content-Length: \xb9"), (400,)),
    Payload("space before the colon", _post(HIDDEN, f"Content-Length : {len(HIDDEN)}"), (400,)),
    Payload("length behind a fold", _post(HIDDEN, "X-A: b", f" Content-Length: {len(HIDDEN)}"), (400,)),
    Payload("folded length", _post(HIDDEN, "Content-Length:", f" {len(HIDDEN)}"), (400,)),
    Payload("alias of the length", _post("", f"Content_Length: {len(HIDDEN)}"), (200,)),
    Payload("body of a GET", get("/todos", LENGTH) + HIDDEN, (200,)),
    Payload("length 0 and a request", _post(get("/todos/2"), "Content-Length: 0"), (200, 200)),
    Payload("nul in the name", _post(HIDDEN, "Content-\x00Length: 1"), (400,)),
]
BOTH = [
    Payload("CL.TE", _post("0\r\n\r\n" + HIDDEN, LENGTH, CHUNKED), (400,)),
    Payload("TE.CL", _post("0\r\n\r\n" + HIDDEN, CHUNKED, LENGTH), (400,)),
    Payload("CL 0 and TE", _post("0\r\n\r\n", "Content-Length: 0", CHUNKED), (400,)),
    Payload("CL and unknown TE", _post(HIDDEN, LENGTH, "Transfer-Encoding: cow"), (400,)),
    Payload("TE of 1.0 and CL", _post("0\r\n\r\n", LENGTH, CHUNKED).replace("HTTP/1.1", "HTTP/1.0"), (400,)),
    Payload("TE of 1.0", _chunked("0\r\n\r\n" + HIDDEN).replace("HTTP/1.1", "HTTP/1.0"), (400,)),
    Payload("CL and TE by tab", _post("0\r\n\r\n", LENGTH, "Transfer-Encoding:\tchunked"), (400,)),
]
CODINGS = [
    Payload("TE.TE", _post("0\r\n\r\n", CHUNKED, "Transfer-Encoding: cow"), (400,)),
    Payload("TE twice", _post("0\r\n\r\n", CHUNKED, CHUNKED), (400,)),
    Payload("chunked not last", _post("0\r\n\r\n", "Transfer-Encoding: chunked, identity"), (400,)),
    Payload("identity", _post(HIDDEN, "Transfer-Encoding: identity"), (400,)),
    Payload("gzip first", _post("0\r\n\r\n", "Transfer-Encoding: gzip, chunked"), (501,)),
    Payload("comma first", _post("0\r\n\r\n", "Transfer-Encoding: , chunked"), (501,)),
    Payload("upper case", _post("0\r\n\r\n", "Transfer-Encoding: CHUNKED"), (501,)),
    Payload("with a parameter", _post("0\r\n\r\n", "Transfer-Encoding: chunked;q=1"), (400,)),
    Payload("in quotes", _post("0\r\n\r\n", 'Transfer-Encoding: "chunked"'), (400,)),
    Payload("vertical tab", _post("0\r\n\r\n", "Transfer-Encoding: \x0bchunked"), (400,)),
    Payload("vertical tab behind", _post("0\r\n\r\n", "Transfer-Encoding: chunked\x0b"), (400,)),
    Payload("space in the name", _post("0\r\n\r\n", "Transfer-Encoding : chunked"), (400,)),
    Payload("fold in the value", _post("0\r\n\r\n", "Transfer-Encoding:", " chunked"), (400,)),
    Payload("name behind a fold", _post("0\r\n\r\n", "X: y", " Transfer-Encoding: chunked"), (400,)),
    Payload("behind a bare CR", _post("0\r\n\r\n", "X: y\rTransfer-Encoding: chunked"), (400,)),
    Payload("alias of the coding", _post("", "Transfer_Encoding: chunked"), (200,)),
    Payload("prefix of the name", _post("", "XTransfer-Encoding: chunked"), (200,)),
    Payload("no coding", _post("", "Transfer-Encoding:"), (400,)),
    Payload("nominated coding", _post("3\r\nabc\r\n0\r\n\r\n", "Connection: transfer-encoding", CHUNKED), (200,)),
    Payload("nominated length", _post("abc", "Connection: content-length", "Content-Length: 3"), (400,)),
]
CHUNKS = [
    Payload("bare LF behind a size", _chunked("3\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("bare CR behind a size", _chunked("3\rabc\r\n0\r\n\r\n"), (400,)),
    Payload("bare LF behind data", _chunked("3\r\nabc\n0\r\n\r\n"), (400,)),
    Payload("no line behind data", _chunked("3\r\nabc0\r\n\r\n"), (400,)),
    Payload("more data than said", _chunked("3\r\nabcd\r\n0\r\n\r\n"), (400,)),
    Payload("size in 0x", _chunked("0x3\r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("signed size", _chunked("+3\r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("negative size", _chunked("-3\r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("size over 64 bits", _chunked("10000000000000003\r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("size with a space", _chunked("3 \r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("empty size", _chunked("\r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("extension with LF", _chunked('3;a="\n"\r\nabc\r\n0\r\n\r\n'), (400,)),
    Payload("extension with a bare CR", _chunked("3;a\rb\r\nabc\r\n0\r\n\r\n"), (400,)),
    Payload("extension", _chunked("3;a=b\r\nabc\r\n0\r\n\r\n"), (200,)),
    Payload("leading zeros", _chunked("0003\r\nabc\r\n000\r\n\r\n"), (200,)),
    Payload("request behind the end", _chunked("0\r\n\r\n" + get("/todos/2")), (200, 200)),
    Payload("bare LF as the end", _chunked("0\n\n" + HIDDEN), (400,)),
    Payload("length as a trailer", _chunked(f"0\r\n{LENGTH}\r\n\r\n"), (400,)),
    Payload("host as a trailer", _chunked("0\r\nHost: evil.test\r\n\r\n"), (200,)),
    Payload("fold as a trailer", _chunked("0\r\nX: y\r\n z\r\n\r\n"), (400,)),
]
HEADS = [
    Payload("bare LF lines", f"{BARE}{LENGTH}\r\n\r\n{HIDDEN}".replace("\r\n", "\n"), (400,)),
    Payload("bare LF in the head", f"{BARE}X: y\n{LENGTH}\r\n\r\n{HIDDEN}", (400,)),
    Payload("bare LF as the end of the head", f"{BARE}X: y\r\n\n{HIDDEN}", (400,)),
    Payload("space before the first field", BARE.replace("Host", " Host") + f"{LENGTH}\r\n\r\n{HIDDEN}", (400,)),
    Payload("no colon", f"{BARE}{LENGTH}\r\nnothing\r\n\r\n{HIDDEN}", (400,)),
    Payload("empty name", f"{BARE}: x\r\n\r\n", (400,)),
    Payload("request in a field", BARE.replace("POST", "GET") + f"X: {HIDDEN}", (400,)),
    Payload("space in the target", get("/todos HTTP/1.1 x"), (400,)),
    Payload("request behind a last one", get("/todos", "Connection: close") + HIDDEN, (200,)),
    Payload("request behind one of 1.0", get("/todos").replace("1.1", "1.0", 1) + HIDDEN, (200,)),
    Payload("body behind an offer", _post(HIDDEN, "Connection: upgrade", "Upgrade: h2c", LENGTH), (200,)),
    Payload("body behind a tunnel", f"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n{HIDDEN}", (501,)),
    Payload("prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN, (505,)),
]
PAYLOADS = [*LENGTHS, *BOTH, *CODINGS, *CHUNKS, *HEADS]
