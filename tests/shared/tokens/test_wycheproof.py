"""Signatures that look like signatures: our own port of what Project Wycheproof tries on JWS libraries."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from shared.tokens import InvalidToken, Reason
from tests.shared.tokens.minting import P256_ORDER, high_s_twin

P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SHA256_INFO_WITHOUT_NULL = bytes.fromhex("302f300b0609608648016503040201" + "0420")
SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")

BY_ES256 = {
    "r is zero": lambda r, s: (0, s),
    "s is zero": lambda r, s: (r, 0),
    "both are zero": lambda r, s: (0, 0),
    "both are one": lambda r, s: (1, 1),
    "r is one, s is zero": lambda r, s: (1, 0),
    "r is the order": lambda r, s: (P256_ORDER, s),
    "s is the order": lambda r, s: (r, P256_ORDER),
    "both are the order": lambda r, s: (P256_ORDER, P256_ORDER),
    "r is one less than the order": lambda r, s: (P256_ORDER - 1, s),
    "s is one more than the order": lambda r, s: (r, P256_ORDER + 1),
    "r is the prime": lambda r, s: (P256_PRIME, s),
    "r is as large as can be": lambda r, s: (2**256 - 1, s),
    "r is negated": lambda r, s: (P256_ORDER - r, s),
    "exchanged": lambda r, s: (s, r),
}
ES256_ENCODINGS = {
    "33 bytes each": lambda r, s: r.to_bytes(33, "big") + s.to_bytes(33, "big"),
    "48 bytes each": lambda r, s: r.to_bytes(48, "big") + s.to_bytes(48, "big"),
    "little-endian": lambda r, s: r.to_bytes(32, "little") + s.to_bytes(32, "little"),
    "r alone": lambda r, s: r.to_bytes(32, "big"),
    "with a byte behind": lambda r, s: r.to_bytes(32, "big") + s.to_bytes(32, "big") + b"\0",
    "with a byte before": lambda r, s: b"\0" + r.to_bytes(32, "big") + s.to_bytes(32, "big"),
    "with the recovery byte of Bitcoin": lambda r, s: b"\x1b" + r.to_bytes(32, "big") + s.to_bytes(32, "big"),
}
BLOCK = 256
RS256_BLOCKS = {
    "without the leading zero": lambda info: b"\1" + b"\xff" * (BLOCK - 2 - len(info)) + b"\0" + info,
    "of block type 0": lambda info: b"\0\0" + b"\0" * (BLOCK - 3 - len(info)) + b"\0" + info,
    "of block type 2": lambda info: b"\0\2" + b"\xff" * (BLOCK - 3 - len(info)) + b"\0" + info,
    "padded with other bytes": lambda info: b"\0\1" + b"\xaa" * (BLOCK - 3 - len(info)) + b"\0" + info,
    "padded with eight bytes, garbage behind": lambda info: (b"\0\1" + b"\xff" * 8 + b"\0" + info).ljust(
        BLOCK, b"\x5a"
    ),
    "without padding": lambda info: (b"\0\1\0" + info).ljust(BLOCK, b"\0"),
    "without the separator": lambda info: b"\0\1" + b"\xff" * (BLOCK - 2 - len(info)) + info,
    "with the digest alone": lambda info: b"\0\1" + b"\xff" * (BLOCK - 35) + b"\0" + info[-32:],
    "with zeros behind": lambda info: b"\0\1" + b"\xff" * (BLOCK - 5 - len(info)) + b"\0" + info + b"\0\0",
}


@pytest.fixture
def verifier(verifier_of_all):
    return verifier_of_all()


@pytest.fixture
def refused(verifier):
    """Assert that the signature of a token is refused as such."""

    async def check(token):
        with pytest.raises(InvalidToken) as refusal:
            await verifier.verify(token)
        assert refusal.value.reason is Reason.SIGNATURE

    return check


def digest_of(text):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text)
    return digest.finalize()


class TestEs256:
    @pytest.fixture(params=["own by ES256", "Better Auth by ES256"])
    def kind(self, request, kinds):
        return kinds[request.param]

    @pytest.mark.parametrize("name", BY_ES256)
    async def test_numbers_out_of_bounds(self, kind, refused, name):
        """Neither number may be zero or reach the order of the curve (FIPS 186-5 section 6.4.2)."""

        def sign(text):
            r, s = decode_dss_signature(kind.key.private.sign(text, ec.ECDSA(hashes.SHA256())))
            return b"".join(number.to_bytes(32, "big") for number in BY_ES256[name](r, s))

        await refused(kind.token(sign=sign))

    @pytest.mark.parametrize("name", ES256_ENCODINGS)
    async def test_other_encodings(self, kind, refused, name):
        """Both numbers are 32 bytes each, the higher ones first (RFC 7518 section 3.4)."""

        def sign(text):
            return ES256_ENCODINGS[name](*decode_dss_signature(kind.key.private.sign(text, ec.ECDSA(hashes.SHA256()))))

        await refused(kind.token(sign=sign))

    @pytest.mark.parametrize("hash_function", [hashes.SHA1, hashes.SHA384, hashes.SHA512])
    async def test_of_another_hash(self, kind, refused, hash_function):
        """A signature over another digest of the same text is none."""

        def sign(text):
            r, s = decode_dss_signature(kind.key.private.sign(text, ec.ECDSA(hash_function())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")

        await refused(kind.token(sign=sign))

    async def test_its_twin_is_the_same_token(self, verifier, kind):
        """The other valid signature names the same caller, so nothing is gained by it."""
        token = kind.token()

        assert await verifier.verify(high_s_twin(token)) == await verifier.verify(token)


class TestRs256:
    @pytest.fixture
    def kind(self, kinds):
        return kinds["Better Auth by RS256"]

    @pytest.fixture
    def by_block(self, kind):
        """Mint a token with the raw RSA signature of a block that is made of the text."""
        private = kind.key.private.private_numbers()

        def mint(block):
            def sign(text):
                padded = int.from_bytes(block(text), "big") % private.public_numbers.n
                return pow(padded, private.d, private.public_numbers.n).to_bytes(BLOCK, "big")

            return kind.token(sign=sign)

        return mint

    async def test_the_right_block_is_accepted(self, verifier, by_block):
        """The way in which the others are made is right: but for the block they would pass."""

        def block(text):
            info = SHA256_INFO + digest_of(text)
            return b"\0\1" + b"\xff" * (BLOCK - 3 - len(info)) + b"\0" + info

        assert await verifier.verify(by_block(block))

    @pytest.mark.parametrize("name", RS256_BLOCKS)
    async def test_other_paddings(self, refused, by_block, name):
        """The block has one form (RFC 8017 section 9.2); others were forged for small exponents (CVE-2006-4339)."""
        await refused(by_block(lambda text: RS256_BLOCKS[name](SHA256_INFO + digest_of(text))))

    @pytest.mark.parametrize("info", [SHA256_INFO_WITHOUT_NULL, SHA1_INFO, b""], ids=["without NULL", "SHA-1", "none"])
    async def test_other_names_of_the_hash(self, refused, by_block, info):
        """The hash is named as SHA-256 is, parameters included (RFC 8017 section 9.2 note 1)."""

        def block(text):
            named = info + digest_of(text)
            return b"\0\1" + b"\xff" * (BLOCK - 3 - len(named)) + b"\0" + named

        await refused(by_block(block))

    @pytest.mark.parametrize("salt", [0, 32])
    async def test_pss_under_the_name_of_rs256(self, kind, refused, salt):
        """PS256 is another algorithm."""
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt)

        await refused(kind.token(sign=lambda text: kind.key.private.sign(text, pss, hashes.SHA256())))

    @pytest.mark.parametrize("number", [0, 1, -1])
    async def test_numbers_that_are_their_own_power(self, kind, refused, number):
        """Zero, one and minus one stay what they are under every key."""
        n = kind.key.private.public_key().public_numbers().n

        await refused(kind.token(sign=lambda _: (number % n).to_bytes(BLOCK, "big")))

    async def test_larger_than_the_modulus(self, kind, refused):
        """A signature plus the modulus is another spelling, and none (RFC 8017 section 5.2.2)."""
        n = kind.key.private.public_key().public_numbers().n

        def sign(text):
            return (int.from_bytes(kind.sign(text), "big") + n).to_bytes(BLOCK + 1, "big")[-BLOCK - 1 :]

        await refused(kind.token(sign=sign))


class TestEdDsa:
    @pytest.fixture
    def kind(self, kinds):
        return kinds["Better Auth by EdDSA"]

    async def test_s_beyond_the_order(self, kind, refused):
        """Its second spelling, which older libraries took, is refused (RFC 8032 section 5.1.7)."""

        def sign(text):
            raw = kind.sign(text)
            return raw[:32] + (int.from_bytes(raw[32:], "little") + ED25519_ORDER).to_bytes(32, "little")

        await refused(kind.token(sign=sign))

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda r, s: r + bytes(32),
            lambda r, s: bytes(32) + s,
            lambda r, s: b"\1" + bytes(31) + bytes(32),
            lambda r, s: b"\xed" + b"\xff" * 30 + b"\x7f" + s,
            lambda r, s: r[:-1] + bytes([r[-1] ^ 0x80]) + s,
            lambda r, s: s + r,
            lambda r, s: r[::-1] + s[::-1],
            lambda r, s: r + s[:31],
            lambda r, s: r + s + b"\0",
        ],
        ids=["no s", "no r", "neutral", "not canonical", "sign bit", "exchanged", "backwards", "short", "long"],
    )
    async def test_other_points_and_numbers(self, kind, refused, spoil):
        """What is not the signature that this key makes of this text is none."""
        await refused(kind.token(sign=lambda text: spoil(kind.sign(text)[:32], kind.sign(text)[32:])))
