"""The traps of python-jose 3.5.0 (decision 0002), one class each: what it would accept or stumble over is refused."""

import json
import subprocess
import sys

import pytest

from shared.tokens import Reason
from shared.tokens.jwk import UnusableKey
from shared.tokens.keys import PublicKey, hmac_key, read_key_set
from tests.shared.tokens.corpus import encodings_of
from tests.shared.tokens.kinds import Ed25519Pair, RsaPair
from tests.shared.tokens.minting import (
    DROP,
    NOW,
    SECRET,
    SigningKey,
    as_json,
    b64,
    better_auth_token,
    compact,
    high_s_twin,
    hmac_sha256,
    own_claims,
    own_hs256_token,
    own_token,
)


class TestJunkBetweenBase64Characters:
    @pytest.mark.parametrize("part", [0, 1, 2])
    @pytest.mark.parametrize("junk", ["!!", "=", "==", "+/", " ", "\n", "\x00", "é", "%3D", "\t", "A"])
    async def test_is_refused(self, refusal, signing_key, part, junk):
        """A token has one spelling: what another decoder would skip is not skipped."""
        parts = own_token(signing_key).split(".")
        parts[part] += junk

        assert await refusal(".".join(parts)) in {Reason.SHAPE, Reason.SIGNATURE, Reason.HEADER}

    @pytest.mark.parametrize("spare", [1, 2])
    async def test_spare_bits_are_zero(self, refusal, spare):
        """The last character's unused bits carry nothing (RFC 4648 section 3.5)."""
        token = own_hs256_token()
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

        # 32 bytes are 43 characters, the last of which has two unused bits.
        assert await refusal(token[:-1] + alphabet[alphabet.index(token[-1]) + spare]) is Reason.SHAPE


class TestOtherNumbersOfParts:
    @pytest.mark.parametrize("parts", [1, 2, 4, 5, 6])
    async def test_are_refused(self, refusal, signing_key, parts):
        """Five parts are an encrypted token, which nobody here reads."""
        whole = own_token(signing_key).split(".")

        assert await refusal(".".join((whole * 2)[:parts])) is Reason.SHAPE

    @pytest.mark.parametrize("empty", [0, 1, 2])
    async def test_empty_part(self, refusal, signing_key, empty):
        """No part may be missing."""
        parts = own_token(signing_key).split(".")
        parts[empty] = ""

        assert await refusal(".".join(parts)) is Reason.SHAPE


class TestDeepNesting:
    @pytest.mark.parametrize("depth", [10, 300, 380, 760])
    @pytest.mark.parametrize("bracket", ["[", '{"a":'])
    async def test_in_a_short_header(self, refusal, depth, bracket):
        """Brackets that still fit the header's limit are refused, not an error of the parser."""
        assert await refusal(f"{b64((bracket * depth).encode())}.e30.AA") in {Reason.HEADER, Reason.SHAPE}

    @pytest.mark.parametrize("depth", [10**3, 10**4, 10**5])
    async def test_in_a_long_header(self, refusal, depth):
        """Longer ones are not even decoded."""
        assert await refusal(f"{b64(b'[' * depth)}.e30.AA") is Reason.SHAPE

    async def test_in_signed_claims(self, refusal):
        """Whoever holds the secret cannot break the parser either."""
        assert await refusal(better_auth_token(payload=b'{"sub":' + b"[" * 5000)) is Reason.CLAIMS


class TestSecretsReadAsJson:
    @pytest.mark.parametrize("secret", ["1" * 40, "true" * 10, "-1.5e3" + "0" * 40])
    async def test_are_used_as_text(self, verifier_with, secret):
        """A secret that happens to be a JSON number is still its own bytes."""
        assert await verifier_with(better_auth_secret=secret).verify(better_auth_token(secret=secret))


class TestUnknownHeaderMembers:
    @pytest.mark.parametrize(
        "member",
        [
            {"crit": ["exp"]},
            {"b64": False, "crit": ["b64"]},
            {"b64": False},
            {"jku": "http://127.0.0.1/keys"},
            {"jwk": {"kty": "oct", "k": "AA"}},
            {"x5u": "http://127.0.0.1/cert"},
            {"x5c": ["AA"]},
            {"x5t": "AA"},
            {"zip": "DEF"},
            {"enc": "A256GCM"},
            {"cty": "JWT"},
            {"cty": ""},
        ],
    )
    async def test_are_refused(self, refusal, signing_key, member):
        """A header says alg, typ and kid, and nothing that could change how it is read."""
        assert await refusal(own_token(signing_key, header=member)) is Reason.HEADER
        assert await refusal(better_auth_token(header=member)) is Reason.HEADER


class TestAlgorithmOfTheHeader:
    @pytest.mark.parametrize(
        "alg",
        [
            "none",
            "None",
            "NONE",
            "nOnE",
            "",
            "es256",
            "ES256 ",
            "ES384",
            "ES512",
            "ES256K",
            "RS256",
            "PS256",
            "HS384",
            "HS512",
        ],
    )
    async def test_is_pinned(self, refusal, signing_key, alg):
        """Only the algorithm of its kind is accepted, in its one spelling."""
        assert await refusal(own_token(signing_key, header={"alg": alg})) is Reason.PROFILE

    async def test_without_one(self, refusal, signing_key):
        """A missing algorithm is none."""
        assert await refusal(own_token(signing_key, header={"alg": DROP})) is Reason.PROFILE

    @pytest.mark.parametrize("alg", ["none", "None", "NONE"])
    async def test_unsigned(self, refusal, alg):
        """An unsigned token is refused with and without a signature part."""
        unsigned = compact({"alg": alg, "typ": "at+jwt"}, own_claims(), lambda _: b"")

        assert await refusal(unsigned) is Reason.SHAPE
        assert await refusal(unsigned + "AA") is Reason.PROFILE


class TestKeyIds:
    async def test_of_another_key(self, refusal, verifier, signing_key, key_table):
        """The id decides which key verifies; that another one of the set would fit does not count."""
        other = SigningKey("2026-b")
        key_table.keys[other.kid] = PublicKey.of(other.jwk())

        assert await refusal(own_token(signing_key, header={"kid": other.kid}), by=verifier) is Reason.SIGNATURE

    async def test_missing(self, refusal, signing_key):
        """Without an id there is no key, although the set has only one."""
        assert await refusal(own_token(signing_key, header={"kid": DROP})) is Reason.KEY

    @pytest.mark.parametrize("members", [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": "verify"}, {"key_ops": []}])
    def test_of_a_key_for_something_else(self, signing_key, members):
        """A key that says that it does not verify signatures does not."""
        with pytest.raises(UnusableKey):
            PublicKey.of(signing_key.jwk(**members))


class TestUnknownKeyTypesInASet:
    def test_do_not_spoil_it(self, signing_key):
        """An OKP key that nobody uses here is skipped; python-jose would refuse the whole set."""
        okp = {"kty": "OKP", "crv": "Ed448", "kid": "ed", "x": b64(b"\1" * 57)}

        keys, skipped = read_key_set(json.dumps({"keys": [okp, signing_key.jwk()]}).encode())

        assert (list(keys), skipped) == ([signing_key.kid], 1)


class TestEdDsa:
    @pytest.mark.parametrize("typ", ["at+jwt", "JWT", DROP])
    async def test_is_refused_while_nothing_is_configured_for_it(self, refusal, signing_key, typ):
        """No kind of token that is on uses EdDSA."""
        assert await refusal(own_token(signing_key, header={"alg": "EdDSA", "typ": typ})) is Reason.PROFILE


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


class TestRepeatedMembers:
    async def test_in_claims(self, refusal):
        """Of two subjects neither counts."""
        payload = f'{{"sub": "ada", "exp": {NOW + 60}, "sub": "eve"}}'.encode()

        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS

    async def test_nested(self, refusal):
        """Nor anywhere below."""
        payload = f'{{"sub": "ada", "exp": {NOW + 60}, "user": {{"a": 1, "a": 2}}}}'.encode()

        assert await refusal(better_auth_token(payload=payload)) is Reason.CLAIMS

    async def test_in_the_header(self, refusal):
        """Of two algorithms neither counts, also when one of them is spelt with escapes."""
        header = b'{"alg":"none","typ":"at+jwt","\\u0061lg":"HS256"}'

        assert await refusal(compact(header, own_claims(aud=DROP), hmac_sha256(SECRET))) is Reason.HEADER


class TestSpellingsOfOneToken:
    async def test_name_the_same_session(self, verifier, signing_key):
        """ECDSA has two signatures for one text, so a session is ended by its id and not by its token's text."""
        token = own_token(signing_key)

        assert high_s_twin(token) != token
        assert (await verifier.verify(high_s_twin(token))).sid == (await verifier.verify(token)).sid


class TestShortSecrets:
    @pytest.mark.parametrize("secret", ["", "x", "x" * 31, "é" * 15])
    def test_build_no_key(self, secret):
        """32 bytes at least, checked where the key is built."""
        with pytest.raises(UnusableKey):
            hmac_key(secret)

    @pytest.mark.parametrize(
        "secret", ["", "secret", "changeme", "your-256-bit-secret", "better-auth-secret-123456789"]
    )
    async def test_sign_nothing(self, refusal, secret):
        """An empty or well-known secret is not ours."""
        assert await refusal(own_hs256_token(secret=secret)) is Reason.SIGNATURE
        assert await refusal(better_auth_token(secret=secret)) is Reason.SIGNATURE


class TestPublicKeysAsSecrets:
    @pytest.mark.parametrize("typ", ["at+jwt", "JWT", DROP])
    @pytest.mark.parametrize("form", ["pem", "pem without its last line end", "der", "ssh", "jwk", "jwk set"])
    async def test_sign_nothing(self, refusal, signing_key, form, typ):
        """An HMAC made with our public key, in any of its encodings, is refused (CVE-2024-33663)."""
        secret = encodings_of(signing_key)[form]
        forged = own_hs256_token(secret=secret, header={"typ": typ, "kid": signing_key.kid})

        assert await refusal(forged) is Reason.SIGNATURE

    @pytest.mark.parametrize("form", ["pem", "ssh", "jwk", "jwk set"])
    def test_are_no_setting(self, signing_key, form):
        """A public key in BETTER_AUTH_SECRET would let everybody sign."""
        with pytest.raises(UnusableKey):
            hmac_key(encodings_of(signing_key)[form].decode())


class TestOtherBackends:
    def test_are_not_loaded(self):
        """`ecdsa` and `rsa`, which leak by timing (CVE-2024-23342), come with python-jose and are never imported."""
        program = "import sys, shared.tokens; print({'ecdsa', 'rsa'} & set(sys.modules))"

        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "set()"

    def test_keys_are_of_cryptography(self, signing_key):
        """Every key class that verifies is python-jose's one over `cryptography`, or ours over the same."""
        backend = "jose.backends.cryptography_backend"

        published = [type(PublicKey.of(pair.jwk()).jose_key) for pair in (signing_key, RsaPair(), Ed25519Pair())]

        assert [key.__module__ for key in published] == [backend, backend, "shared.tokens.eddsa"]
        assert type(hmac_key(SECRET)).__module__ == backend
