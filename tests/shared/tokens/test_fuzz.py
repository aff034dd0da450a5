"""Huge, deep and random texts: each is refused, quickly, and by nothing else than a refusal."""

import string
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import InvalidToken, Reason
from shared.tokens.strict import decode_part, token_parts
from tests.shared.tokens.kinds import NAMES
from tests.shared.tokens.minting import (
    as_json,
    b64,
    better_auth_token,
    compact,
    hmac_sha256,
    hostile,
    json_values,
    own_claims,
    own_token,
)

TOKEN_CHARACTERS = string.ascii_letters + string.digits + "-_."


class TestSize:
    async def test_of_the_largest_token(self, verifier, refusal, signing_key):
        """8 192 characters are the most; one more is refused."""
        token = own_token(signing_key)
        room = (8192 - len(token)) // 4 * 3
        fits = next(
            t for pad in range(room, 0, -1) if len(t := own_token(signing_key, filler="x" * (pad - 12))) <= 8192
        )

        assert len(fits) > 8180
        assert await verifier.verify(fits)
        assert await refusal(own_token(signing_key, filler="x" * (room + 4))) is Reason.SHAPE

    @pytest.mark.parametrize(
        "text",
        [
            "a" * 2**20,
            "." * 2**20,
            "é" * 2**19,
            f"{b64(b'[' * 10**5)}.e30.AA",
            f"{b64(b'[' * 760)}.e30.AA",
            f"{b64(b'{' + b' ' * 700)}.{'A' * 7000}.AA",
            f"eyJhbGciOiJIUzI1NiJ9.{b64(b'[' * 5000)}.AA",
        ],
        ids=["1 MiB", "dots", "not ASCII", "deep and long", "deep and short", "long", "deep claims"],
    )
    async def test_costs_nothing(self, refusal, text):
        """Huge and deep texts are refused in under 5 ms and leave no memory behind."""
        fastest = min([await _seconds(refusal, text) for _ in range(5)])
        tracemalloc.start()
        await refusal(text)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

        assert fastest < 0.005
        assert peak < 200_000


class TestRandomTexts:
    @hostile
    @given(text=st.text() | st.text(TOKEN_CHARACTERS) | st.binary().map(lambda raw: raw.decode("latin-1")))
    async def test_are_refused(self, verifier, text):
        """Any text but a token is refused, never an error."""
        with pytest.raises(InvalidToken):
            await verifier.verify(text)

    @hostile
    @given(header=st.binary(max_size=80) | json_values.map(lambda value: as_json({"alg": value, "typ": "at+jwt"})))
    async def test_headers(self, verifier, header):
        """Any bytes as a header are refused."""
        with pytest.raises(InvalidToken):
            await verifier.verify(compact(header, own_claims(), hmac_sha256("x" * 32)))

    @hostile
    @given(payload=st.binary(max_size=80) | st.dictionaries(st.text(), json_values).map(as_json))
    async def test_signed_payloads(self, verifier, payload):
        """Any signed bytes that do not happen to be claims are refused."""
        with pytest.raises(InvalidToken):
            await verifier.verify(better_auth_token(payload=payload))

    @hostile
    @given(data=st.data(), name=st.sampled_from(NAMES))
    async def test_one_changed_character(self, verifier_of_all, kinds, data, name):
        """A valid token of any kind with any one character changed, added or taken away is refused."""
        token = kinds[name].token()
        place = data.draw(st.integers(0, len(token) - 1))
        new = data.draw(st.sampled_from(["", *TOKEN_CHARACTERS]).filter(lambda character: character != token[place]))
        more = data.draw(st.booleans())

        with pytest.raises(InvalidToken):
            await verifier_of_all().verify(token[:place] + new + token[place + (0 if more and new else 1) :])


class TestShapes:
    @hostile
    @given(text=st.text(max_size=40) | st.text(TOKEN_CHARACTERS, max_size=40) | st.from_regex(r"[A-Za-z0-9_=+/ -]+"))
    def test_have_one_spelling(self, text):
        """Whatever is read as base64url is what would be written for the same bytes."""
        try:
            raw = decode_part(text)
        except ValueError:
            return
        assert b64(raw) == text

    @hostile
    @given(parts=st.lists(st.binary(max_size=8), max_size=6))
    def test_are_three_parts(self, parts):
        """Three that are not empty, and each is read as it was written."""
        text = ".".join(b64(part) for part in parts)

        if len(parts) == 3 and all(parts):
            assert token_parts(text) == tuple(parts)
        else:
            with pytest.raises(ValueError):
                token_parts(text)


class TestHeaders:
    @hostile
    @given(name=st.sampled_from(NAMES), member=st.text(max_size=8), value=json_values)
    async def test_with_one_more_member(self, verifier_of_all, kinds, name, member, value):
        """No other member is allowed, whatever it is called and says."""
        if member in {"alg", "typ", "kid"}:
            return
        with pytest.raises(InvalidToken) as refused:
            await verifier_of_all().verify(kinds[name].token(header={member: value}))

        assert refused.value.reason in {Reason.HEADER, Reason.SHAPE}

    @hostile
    @given(name=st.sampled_from(NAMES), member=st.sampled_from(["alg", "typ", "kid"]), value=json_values)
    async def test_with_another_value(self, verifier_of_all, kinds, name, member, value):
        """What is no text is refused as a header; another text is no kind, or no key, of ours."""
        if member == "kid" and isinstance(value, str) and len(value) <= 128 and kinds[name].key is None:
            return
        with pytest.raises(InvalidToken) as refused:
            await verifier_of_all().verify(kinds[name].token(header={member: value}))

        assert isinstance(value, str) or refused.value.reason in {Reason.HEADER, Reason.SHAPE}


class TestRememberedTokens:
    @hostile
    @given(name=st.sampled_from(NAMES), junk=st.text(min_size=1, max_size=3), place=st.integers(0, 400))
    async def test_are_found_by_their_own_text_only(self, verifier_of_all, kinds, name, junk, place):
        """A text that has just been accepted helps no other one, and a refusal is refused again."""
        verifier, token = verifier_of_all(), kinds[name].token()
        user = await verifier.verify(token)

        for _ in range(2):
            with pytest.raises(InvalidToken):
                await verifier.verify(token[:place] + junk + token[place:])
        assert await verifier.verify(token) is user


async def _seconds(refusal, text):
    started = time.perf_counter()
    await refusal(text)
    return time.perf_counter() - started
