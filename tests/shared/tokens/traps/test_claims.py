"""Traps of python-jose 3.5.0 (decision 0002), one class each: claims that are missing, or are not what they seem."""

import pytest

from shared.tokens import Reason
from tests.shared.tokens.minting import (
    DROP,
    NOW,
    as_json,
    better_auth_token,
    own_claims,
    own_token,
)


class TestAudience:
    @pytest.mark.parametrize("aud", [DROP, None, "", "todo", "TODO-API", "todo-api ", ["todo-api"], {"todo-api": 1}, 1])
    async def test_is_exactly_ours(self, refusal, signing_key, aud):
        """A missing or different audience, or a list that holds ours, is refused."""
        assert await refusal(own_token(signing_key, aud=aud)) is Reason.AUDIENCE


class TestClaimsThatMustBeThere:
    async def test_end(self, refusal, signing_key):
        """A token without an end is none of ours; one that ends now has ended."""
        assert await refusal(own_token(signing_key, exp=DROP)) is Reason.CLAIMS
        assert await refusal(own_token(signing_key, exp=NOW)) is Reason.EXPIRED

    async def test_not_from_the_future(self, refusal, signing_key):
        """More than a minute ahead is no clock that is a little off."""
        assert await refusal(own_token(signing_key, iat=NOW + 61)) is Reason.NOT_YET

    @pytest.mark.parametrize("sub", [DROP, None, "", 7, ["u"], "x" * 256, "a\nb", "a\x00", "a\x85b", "\ud800"])
    async def test_subject(self, refusal, signing_key, sub):
        """The user's id is a text of 1 to 255 characters that any log and database can hold."""
        assert await refusal(own_token(signing_key, sub=sub)) is Reason.CLAIMS
        assert await refusal(better_auth_token(sub=sub)) is Reason.CLAIMS

    @pytest.mark.parametrize("sub", ["x", "x" * 255, "ünïcode 🙂", "../../etc"])
    async def test_any_other_text_is_a_subject(self, verifier, sub):
        """Foreign systems' ids are never parsed."""
        assert (await verifier.verify(better_auth_token(sub=sub))).id == sub


class TestTimesThatAreNoTimes:
    @pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
    @pytest.mark.parametrize("value", ["null", "[]", "{}", "true", '"1800000500"', "1e999", "-1e999", "1" + "0" * 400])
    async def test_are_refused(self, refusal, signing_key, name, value):
        """Neither types nor sizes of numbers raise anything but the refusal."""
        said = own_claims(**{name: "@"})
        payload = as_json(said).replace(b'"@"', value.encode())

        assert await refusal(own_token(signing_key, payload=payload)) is Reason.CLAIMS
        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS

    @pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "9" * 5000])
    async def test_are_not_json(self, refusal, value):
        """NaN and Infinity are nowhere in a token, nor a number that costs seconds to read."""
        payload = f'{{"sub": "u", "exp": {NOW + 60}, "other": {value}}}'.encode()

        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS

    async def test_fractions(self, refusal, verifier, signing_key):
        """Better Auth's times may be fractions (RFC 7519 section 2), ours are whole."""
        assert await verifier.verify(better_auth_token(exp=NOW + 0.5))
        assert await refusal(own_token(signing_key, exp=NOW + 60.0)) is Reason.CLAIMS
