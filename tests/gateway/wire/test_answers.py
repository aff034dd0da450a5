"""What the upstream says reaches the client: header fields, and bodies in both directions."""

import pytest

from tests.gateway.peers import Message, Upstream, Wire, get, post, says
from tests.gateway.process import Gateway


class TestAnswerFields:
    async def test_two_cookies(self, gateway: Gateway, upstream: Upstream) -> None:
        """Two Set-Cookie fields stay two, and no later request carries them."""
        upstream.script = says(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2; Path=/\r\nContent-Length: 0\r\n\r\n"
        )

        answer = await gateway.ask(get("/auth"))
        await gateway.ask(get("/auth"))

        assert answer.all("set-cookie") == ["a=1", "b=2; Path=/"]
        assert upstream.last.all("cookie") == []

    async def test_what_stays_inside(self, gateway: Gateway, upstream: Upstream) -> None:
        """Who made the answer, and how it was carried, is nobody's business; neither is a service's own CORS."""
        fields = ["Server: x", "X-Powered-By: y", "Keep-Alive: z", "Access-Control-Allow-Origin: *", "X-Request-Id: q"]
        upstream.script = says(
            "HTTP/1.1 200 OK\r\n" + "\r\n".join(fields) + "\r\nX-Stays: 1\r\nContent-Length: 0\r\n\r\n"
        )

        answer = await gateway.ask(get("/todos"))

        for name in ("server", "x-powered-by", "keep-alive", "access-control-allow-origin"):
            assert answer.all(name) == []
        assert answer.one("x-request-id") != "q"
        assert answer.one("x-stays") == "1"

    async def test_one_date(self, gateway: Gateway, upstream: Upstream) -> None:
        """There is one Date: the upstream's if it has one, else the gateway's."""
        upstream.script = says("HTTP/1.1 200 OK\r\nDate: then\r\nDate: later\r\nContent-Length: 0\r\n\r\n")
        theirs = await gateway.ask(get("/todos"))
        upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        ours = await gateway.ask(get("/todos"))

        assert theirs.one("date") == "then"
        assert (ours.one("date") or "").endswith("GMT")

    async def test_vary_is_merged(self, gateway: Gateway, upstream: Upstream) -> None:
        """Vary is one field and always names Origin, also where no origin was sent."""
        upstream.script = says("HTTP/1.1 200 OK\r\nVary: Accept\r\nVary: Cookie\r\nContent-Length: 0\r\n\r\n")

        answer = await gateway.ask(get("/todos"))

        assert answer.one("vary") == "Accept, Cookie, Origin"

    async def test_locations(self, gateway: Gateway, upstream: Upstream) -> None:
        """A redirect to the service's own address leads to the public one; to another inside host, nowhere."""
        places = {
            f"http://127.0.0.1:{upstream.port}/todos/1": "http://localhost:8080/todos/1",
            "/todos/1": "/todos/1",
            "https://example.com/x": "https://example.com/x",
            "http://todo-service:8000/todos/": None,
            "//10.0.0.1/": None,
        }
        got = {}
        for place in places:
            upstream.script = says(f"HTTP/1.1 307 T\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n")
            answer = await gateway.ask(get("/todos"))
            got[place] = answer.one("location")

        assert got == places

    async def test_standing_fields(self, gateway: Gateway, upstream: Upstream) -> None:
        """Security fields are there, but where the service said it differently, it wins."""
        upstream.script = says("HTTP/1.1 200 OK\r\nX-Frame-Options: SAMEORIGIN\r\nContent-Length: 0\r\n\r\n")

        answer = await gateway.ask(get("/todos"))

        assert answer.one("x-content-type-options") == "nosniff"
        assert answer.one("x-frame-options") == "SAMEORIGIN"


class TestBodies:
    @pytest.mark.parametrize("size", [1, 4096, 65536, 65537, 1048576])
    async def test_requests_of_any_size(self, gateway: Gateway, upstream: Upstream, size: int) -> None:
        """A body arrives whole, with its length, whether it was held or streamed."""
        body = "0123456789abcdef" * (size // 16) + "x" * (size % 16)

        answer = await gateway.ask(post("/todos", body, "Content-Type: text/plain"))

        assert answer.status == 200
        assert upstream.last.body == body.encode()
        assert upstream.last.one("content-length") == str(size)
        assert upstream.last.one("content-type") == "text/plain"

    async def test_small_chunked_bodies_get_a_length(self, gateway: Gateway, upstream: Upstream) -> None:
        """A short body is collected first, so the upstream gets its length, not its chunks."""
        await gateway.ask(
            get("/todos", "Transfer-Encoding: chunked", method="POST") + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )

        assert upstream.last.body == b"abcde"
        assert upstream.last.one("content-length") == "5"
        assert upstream.last.one("transfer-encoding") is None

    async def test_large_chunked_bodies_stay_chunked(self, gateway: Gateway, upstream: Upstream) -> None:
        """A long body of unknown length is streamed as such."""
        chunk = "8000\r\n" + "x" * 0x8000 + "\r\n"

        await gateway.ask(get("/todos", "Transfer-Encoding: chunked", method="POST") + chunk * 4 + "0\r\n\r\n")

        assert upstream.last.body == b"x" * 0x20000
        assert upstream.last.one("transfer-encoding") == "chunked"

    @pytest.mark.parametrize("chunks", [2, 3, 5])
    async def test_a_body_that_is_whole_when_it_turns_out_long_arrives(
        self, gateway: Gateway, upstream: Upstream, chunks: int
    ) -> None:
        """The read that passes 64 KiB may be the last one: nothing of the body is lost, however it is cut."""
        chunk = "8000\r\n" + "x" * 0x8000 + "\r\n"
        for _ in range(20):
            await gateway.ask(get("/todos", "Transfer-Encoding: chunked", method="POST") + chunk * chunks + "0\r\n\r\n")

            assert upstream.last.body == b"x" * 0x8000 * chunks

    @pytest.mark.parametrize("status", [204, 304])
    async def test_bodyless_answers(self, gateway: Gateway, upstream: Upstream, status: int) -> None:
        """204 and 304 carry no length and no body, and the connection goes on."""
        upstream.script = says(f"HTTP/1.1 {status} X\r\nContent-Length: {7 if status == 304 else 0}\r\n\r\n")
        async with Wire.to(gateway.port) as wire:
            first = await wire.answer(get("/todos"))
            second = await wire.answer(get("/todos"))

        assert (first.status, second.status) == (status, status)
        assert first.one("content-length") is None

    async def test_head(self, gateway: Gateway, upstream: Upstream) -> None:
        """HEAD goes where GET goes; the answer keeps its length and has no body."""
        upstream.script = says("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")
        async with Wire.to(gateway.port) as wire:
            first = await wire.answer(get("/todos", method="HEAD"), to_head=True)
            second = await wire.answer(get("/health"))

        assert first.one("content-length") == "1234"
        assert upstream.last.first_line.startswith("HEAD ")
        assert second.status == 200

    async def test_informational_answers(self, gateway: Gateway, upstream: Upstream) -> None:
        """1xx answers stay between gateway and upstream."""
        upstream.script = says(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        )

        assert (await gateway.ask(get("/todos"))).status == 200

    async def test_answers_without_length(self, gateway: Gateway, upstream: Upstream) -> None:
        """An answer that ends with its connection reaches the client in chunks, whole."""
        upstream.script = says(b"HTTP/1.1 200 OK\r\n\r\nall of it", then_close=True)

        assert (await gateway.ask(get("/todos"))).body == b"all of it"

    async def test_an_answer_nobody_asked_for(self, gateway: Gateway, upstream: Upstream) -> None:
        """Bytes that come after an answer never become the answer to somebody else's request."""
        stray = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        used: list[Wire] = []

        async def script(wire: Wire, request: Message) -> None:
            used.append(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

        upstream.script = script
        await gateway.ask(get("/todos"))
        await used[0].send(stray)
        # By the time that this is answered, the stray bytes have been read.
        await gateway.ask(get("/health"))

        assert (await gateway.ask(get("/todos"))).body != b"forged"
