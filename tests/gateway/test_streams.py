"""What a stream of events says at its end."""

import pytest

from gateway.exchange.streams import Events


def events() -> Events:
    found = Events.of(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
    assert found is not None
    return found


class TestLastWords:
    @pytest.mark.parametrize(
        "chunks",
        [[], [b"id: 1\n\n"], [b"id: 1\n", b"\n"], [b"id: 1\r\n\r", b"\n"], [b"a\r\r"], [b": ping\n\n", b""]],
        ids=repr,
    )
    def test_come_between_events(self, chunks: list[bytes]) -> None:
        """After an empty line, in whatever pieces it came, a line more is an event of its own."""
        answer = events()
        for chunk in chunks:
            answer.sent(chunk)

        assert answer.last_words().startswith(b"retry: ")

    @pytest.mark.parametrize("chunk", [b"id: 1", b"id: 1\n", b"id: 1\r\n", b"\n\ndata: half"], ids=repr)
    def test_come_nowhere_else(self, chunk: bytes) -> None:
        """In the middle of an event they would belong to it."""
        answer = events()
        answer.sent(chunk)

        assert answer.last_words() == b""

    def test_differ(self) -> None:
        """Clients come again spread over four seconds, not all at once."""
        words = {events().last_words() for _ in range(100)}

        assert len(words) > 10
        assert all(1000 <= int(word.split()[1]) <= 5000 for word in words)

    @pytest.mark.parametrize(
        ("status", "fields"),
        [
            (401, [(b"content-type", b"text/event-stream")]),
            (200, [(b"content-type", b"application/json")]),
            (200, [(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")]),
            (200, [(b"content-type", b"text/event-stream"), (b"content-length", b"9")]),
        ],
    )
    def test_suit_no_other_answer(self, status: int, fields: list[tuple[bytes, bytes]]) -> None:
        """Only a stream of events that is sent as it is and as long as it likes can take a line more."""
        assert Events.of(status, fields) is None
