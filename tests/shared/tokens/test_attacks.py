"""Hostile tokens: each is refused, for the right reason."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from shared.tokens import InvalidToken, Reason
from tests.shared.tokens.minting import (
    DROP,
    NOW,
    PUBLIC_URL,
    SECRET,
    SigningKey,
    as_json,
    compact,
    hmac_sha256,
    hostile,
    json_values,
    own_claims,
    own_hs256_token,
    own_token,
)

OWN_MUST_HAVE = ["iss", "aud", "sub", "client_id", "exp", "iat", "jti", "sid", "ver", "scope"]


class TestHeaders:
    @pytest.mark.parametrize(
        "header",
        [
            b"",
            b"null",
            b"[]",
            b'"ES256"',
            b"1",
            b"{",
            b"{}{}",
            b"\xff\xfe",
            '{"alg":"ES256","typ":"at+jwt","kid":"2026-a"}'.encode("utf-16"),
            b'\xef\xbb\xbf{"alg":"ES256","typ":"at+jwt","kid":"2026-a"}',
            b'{"alg":["ES256"],"typ":"at+jwt","kid":"2026-a"}',
            b'{"alg":"ES256","typ":"at+jwt","kid":null}',
            b'{"alg":"ES256","typ":null,"kid":"2026-a"}',
            b'{"alg":"ES256","typ":"at+jwt","kid":1}',
            b'{"alg":"ES256","typ":"at+jwt","kid":{"2026-a":1}}',
            b'{"alg":"ES256","typ":"at+jwt","kid":"' + b"x" * 129 + b'"}',
        ],
    )
    async def test_that_are_no_header_of_ours(self, refusal, signing_key, header):
        """Not JSON, not an object, not UTF-8, or with members that are no strings."""
        assert await refusal(compact(header, own_claims(), signing_key.sign)) in {Reason.HEADER, Reason.SHAPE}

    @pytest.mark.parametrize(
        "typ", [DROP, "", "JWT", "jwt", "AT+JWT", "application/at+jwt", "at+jwt;x", "at+jwt ", "secevent+jwt", "rt+jwt"]
    )
    async def test_of_another_type(self, refusal, signing_key, typ):
        """An ES256 token is ours only with the type of an access token (RFC 9068 section 2.1)."""
        assert await refusal(own_token(signing_key, header={"typ": typ})) is Reason.PROFILE

    @pytest.mark.parametrize(
        "kid",
        [
            "",
            "../../dev/null",
            "/etc/passwd",
            "' OR '1'='1",
            "$(id)",
            "2026-a\x00",
            "2026-A",
            " 2026-a",
            "http://127.0.0.1/k",
        ],
    )
    async def test_ids_that_try_something(self, refusal, signing_key, kid):
        """An id is looked up as it stands; it names no file, no row and no address."""
        assert await refusal(own_token(signing_key, header={"kid": kid})) is Reason.KEY


class TestForgeries:
    async def test_by_another_key_of_the_same_id(self, refusal, signing_key):
        """Who has not our private key cannot sign."""
        assert await refusal(own_token(SigningKey(signing_key.kid))) is Reason.SIGNATURE

    @pytest.mark.parametrize("signature", [b"\0" * 64, b"\0" * 63, b"\xff" * 64, b"\1", b"\0" * 72, b"\1" + b"\0" * 63])
    async def test_with_degenerate_signatures(self, refusal, signing_key, signature):
        """Zero, too large or too short are no signatures (CVE-2022-21449)."""
        header = {"alg": "ES256", "typ": "at+jwt", "kid": signing_key.kid}

        assert await refusal(compact(header, own_claims(), lambda _: signature)) is Reason.SIGNATURE

    async def test_hmac_cut_short(self, refusal):
        """Half an HMAC is none."""
        sign = hmac_sha256(SECRET)

        assert await refusal(compact({"alg": "HS256"}, {"sub": "u"}, lambda text: sign(text)[:16])) is Reason.SIGNATURE

    async def test_ecdsa_signature_in_der(self, refusal, signing_key):
        """Only the 64-byte form counts (RFC 7518 section 3.4)."""
        header = {"alg": "ES256", "typ": "at+jwt", "kid": signing_key.kid}
        token = compact(header, own_claims(), lambda text: signing_key.private.sign(text, ec.ECDSA(hashes.SHA256())))

        assert await refusal(token) is Reason.SIGNATURE

    async def test_better_auth_secret_does_not_make_es256(self, refusal, signing_key):
        """Signing with the secret under an ES256 header, and with the key under an HS256 one, both fail."""
        es256 = {"alg": "ES256", "typ": "at+jwt", "kid": signing_key.kid}

        assert await refusal(compact(es256, own_claims(), hmac_sha256(SECRET))) is Reason.SIGNATURE
        assert await refusal(own_token(signing_key, header={"alg": "HS256"})) is Reason.SIGNATURE

    @pytest.mark.parametrize("foreign", [0, 1, 2])
    async def test_parts_of_two_tokens(self, refusal, signing_key, foreign):
        """Header, claims and signature belong together."""
        ours = own_token(signing_key).split(".")
        other = own_token(signing_key, sub="eve").split(".")
        spaced = compact(b'{"kid":"2026-a","alg":"ES256","typ":"at+jwt"}', own_claims(), signing_key.sign).split(".")
        ours[foreign] = (spaced if foreign == 0 else other)[foreign]

        assert await refusal(".".join(ours)) is Reason.SIGNATURE


class TestClaimsThatAreNotOurs:
    @pytest.mark.parametrize(
        "iss",
        [
            DROP,
            None,
            "",
            PUBLIC_URL + "/",
            PUBLIC_URL.upper(),
            PUBLIC_URL.replace("https", "http"),
            PUBLIC_URL + ".evil.example",
            PUBLIC_URL + ":443",
            PUBLIC_URL[:-1],
            [PUBLIC_URL],
            {PUBLIC_URL: 1},
        ],
    )
    async def test_issuer(self, refusal, signing_key, iss):
        """The issuer is our public address, character for character."""
        assert await refusal(own_token(signing_key, iss=iss)) is Reason.ISSUER
        assert await refusal(own_hs256_token(iss=iss)) is Reason.ISSUER

    @pytest.mark.parametrize("name", OWN_MUST_HAVE)
    async def test_missing(self, verifier, signing_key, name):
        """Every claim that a service relies on must be there."""
        with pytest.raises(InvalidToken):
            await verifier.verify(own_token(signing_key, **{name: DROP}))

    @pytest.mark.parametrize("name", [name for name in OWN_MUST_HAVE if name != "aud"])
    async def test_missing_in_hs256_mode(self, verifier, name):
        """The other signing mode has the same claims, but for the audience."""
        with pytest.raises(InvalidToken):
            await verifier.verify(own_hs256_token(**{name: DROP}))

    @hostile
    @given(name=st.sampled_from([*OWN_MUST_HAVE[:5], "jti", "sid", "scope"]), value=json_values)
    async def test_altered_types(self, verifier, signing_key, name, value):
        """A claim of another JSON type is refused, whatever it is."""
        if isinstance(value, str) or (name == "exp" and isinstance(value, int)):
            return
        with pytest.raises(InvalidToken):
            await verifier.verify(own_token(signing_key, **{name: value}))

    @pytest.mark.parametrize("ver", [True, 1.0, "1", None, [1]])
    async def test_version_is_a_whole_number(self, refusal, signing_key, ver):
        """`true` is no 1."""
        assert await refusal(own_token(signing_key, ver=ver)) is Reason.CLAIMS

    @pytest.mark.parametrize(
        "wrong", [{"amr": "pwd"}, {"amr": [1]}, {"auth_time": "now"}, {"email": 5}, {"email": "a\r\nBcc: b"}]
    )
    async def test_optional_ones_have_their_type_too(self, refusal, signing_key, wrong):
        """What may be missing may not be wrong."""
        assert await refusal(own_token(signing_key, **wrong)) is Reason.CLAIMS

    @pytest.mark.parametrize("payload", [b"[]", b"null", b'"sub"', b"", b"{", b"\xff", as_json(own_claims()) + b" x"])
    async def test_payload_that_is_no_object(self, refusal, signing_key, payload):
        """Also what is properly signed must be a JSON object."""
        assert await refusal(own_token(signing_key, payload=payload)) in {Reason.CLAIMS, Reason.SHAPE}


class TestTimes:
    @pytest.mark.parametrize(
        ("times", "reason"),
        [
            ({"exp": NOW - 61}, Reason.EXPIRED),
            ({"exp": NOW - 1}, Reason.EXPIRED),
            ({"exp": NOW}, Reason.EXPIRED),
            ({"exp": NOW + 1}, None),
            ({"nbf": NOW + 30}, None),
            ({"nbf": NOW + 31}, Reason.NOT_YET),
            ({"nbf": NOW + 61}, Reason.NOT_YET),
            ({"nbf": NOW - 61}, None),
            ({"iat": NOW + 60}, None),
            ({"iat": NOW + 61}, Reason.NOT_YET),
            ({"iat": NOW - 300, "exp": NOW + 600}, None),
            ({"iat": NOW - 301, "exp": NOW + 600}, Reason.LIFETIME),
            ({"iat": NOW, "exp": NOW + 900}, None),
            ({"iat": NOW, "exp": NOW + 901}, Reason.LIFETIME),
        ],
    )
    @pytest.mark.parametrize("mode", ["ES256", "HS256"])
    async def test_around_each_bound(self, verifier, refusal, signing_key, times, reason, mode):
        """No leeway past the end, 30 s before the beginning, 60 s for the issuer's clock, 900 s of life."""
        token = own_token(signing_key, **times) if mode == "ES256" else own_hs256_token(**times)

        if reason is None:
            assert await verifier.verify(token)
        else:
            assert await refusal(token) is reason
