"""The attack corpus against every kind of token, in both signing modes."""

import pytest

from shared.tokens import InvalidToken, Reason
from tests.shared.tokens.corpus import ATTACKS, forged_by
from tests.shared.tokens.kinds import NAMES
from tests.shared.tokens.minting import as_json


@pytest.fixture
def verifier(verifier_of_all):
    return verifier_of_all()


class TestAGoodToken:
    @pytest.mark.parametrize("name", NAMES)
    async def test_is_accepted(self, verifier, kinds, name):
        """Without an attack each kind is accepted: what refuses the others is the attack."""
        kind = kinds[name]

        user = await verifier.verify(kind.token())

        assert user.id == kind.claims["sub"]
        assert user.own == kind.is_own


class TestAnAttack:
    def test_corpus_is_no_small_one(self):
        """Nobody has lost a part of it."""
        assert len(ATTACKS) >= 200

    @pytest.mark.parametrize("name", ATTACKS)
    async def test_is_refused(self, verifier, kinds, name):
        """By a rule that knows it, and the second time as well as the first."""
        for kind in kinds.values():
            text = ATTACKS[name](kind)
            for _ in range(1 if text is None else 2):
                with pytest.raises(InvalidToken) as refused:
                    await verifier.verify(text or "")
                assert refused.value.reason is not Reason.UNEXPECTED, kind.name

    @pytest.mark.parametrize("signer", NAMES)
    async def test_by_the_key_of_another_kind(self, verifier, kinds, signer):
        """Each kind has its own keys, and a key signs for its own kind only."""
        # The two kinds by the secret share it: which of them a token is, its `typ` says.
        others = [kind for kind in kinds.values() if kind.sign is not kinds[signer].sign]
        for kind in others:
            with pytest.raises(InvalidToken) as refused:
                await verifier.verify(forged_by(kind, kinds[signer]))
            assert refused.value.reason is Reason.SIGNATURE, kind.name

    @pytest.mark.parametrize("name", NAMES)
    async def test_with_claims_of_the_other_issuer(self, verifier, kinds, name):
        """What one issuer says, properly signed as a token of the other, is nobody's word."""
        for other in kinds.values():
            if other.is_own != kinds[name].is_own:
                with pytest.raises(InvalidToken):
                    await verifier.verify(kinds[name].token(payload=as_json(other.claims)))
