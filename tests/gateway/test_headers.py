"""Both header filters and the merging of what every answer carries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.exchange.reply import Reply
from gateway.heads.headers import answer_fields, request_fields
from gateway.problems import BadHeader, UpstreamProtocol

FORBIDDEN = {"te", "upgrade", "x-forwarded-for", "x-user-id", "x_a", "expect", "cookie"}
NAMES = st.sampled_from([b"accept", b"x-a", b"x-b", b"content-type", *(name.encode() for name in sorted(FORBIDDEN))])
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=10)


class TestRequests:
    @given(headers=st.lists(st.tuples(NAMES, VALUES.map(str.encode)), max_size=12))
    def test_what_passes_keeps_its_order(self, headers: list[tuple[bytes, bytes]]) -> None:
        """What passes is what came, in its order, without what must not pass."""
        passed = request_fields(headers, [], cookies=False)

        expected = [(name.decode(), value.decode()) for name, value in headers if name.decode() not in FORBIDDEN]
        assert passed == expected

    @given(value=st.binary(max_size=8))
    def test_values_arrive_or_are_refused(self, value: bytes) -> None:
        """A value arrives as the same bytes or not at all."""
        try:
            passed = request_fields([(b"x-a", value)], [], cookies=False)
        except BadHeader:
            return
        assert passed[0][1].encode() == value
        assert not any(byte < 0x20 and byte != 0x09 for byte in value)


class TestAnswers:
    @given(name=st.binary(min_size=1, max_size=6), value=st.binary(max_size=8))
    def test_no_field_splits_the_answer(self, name: bytes, value: bytes) -> None:
        """No upstream can make the gateway write a line of its choosing."""
        try:
            fields = answer_fields([(name, value)], 200, to_head=False)
        except UpstreamProtocol:
            return
        assert not any({*b"\r\n\x00"} & {*part} for field in fields for part in field)

    @pytest.mark.parametrize(("lengths", "kept"), [([b"5"], [b"5"]), ([b"5", b"5"], [b"5"]), ([], [])])
    def test_one_length(self, lengths: list[bytes], kept: list[bytes]) -> None:
        """A length that is said twice alike is said once."""
        fields = answer_fields([(b"Content-Length", length) for length in lengths], 200, to_head=False)

        assert fields == [(b"content-length", length) for length in kept]

    @pytest.mark.parametrize("lengths", [[b"5", b"6"], [b"-1"], [b"5, 5"], [b"+5"], [b""], [b"5".zfill(5000)]])
    def test_doubtful_lengths(self, lengths: list[bytes]) -> None:
        """A length that can be read in two ways is none."""
        with pytest.raises(UpstreamProtocol):
            answer_fields([(b"Content-Length", length) for length in lengths], 200, to_head=False)

    def test_a_length_beside_chunks(self) -> None:
        """An answer that says its length in two ways says none; to HEAD, both describe what GET would give."""
        both = [(b"Content-Length", b"5"), (b"Transfer-Encoding", b"chunked")]

        with pytest.raises(UpstreamProtocol):
            answer_fields(both, 200, to_head=False)
        assert answer_fields(both, 200, to_head=True) == [(b"content-length", b"5")]


class TestVary:
    @pytest.mark.parametrize(
        ("values", "merged"),
        [
            *(([], b"Origin"), ([b"Accept"], b"Accept, Origin"), ([b"origin"], b"origin"), ([b"*"], b"*")),
            *(([b"A, B", b"C"], b"A, B, C, Origin"), ([b""], b"Origin")),
        ],
    )
    async def test_names_origin_once(self, values: list[bytes], merged: bytes) -> None:
        """All names in one field, Origin among them."""
        sent = []

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        await Reply(send, [], []).start(200, [(b"vary", value) for value in values])

        assert [value for name, value in sent[0]["headers"] if name == b"vary"] == [merged]
