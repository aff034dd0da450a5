"""Search: what counts as the same text, and what does not."""

import pytest

FOUND = [
    ("Straße", "STRASSE"), ("STRASSE", "straße"), ("Café", "cafe"), ("cafe", "CAFÉ"), ("Cafe\u0301", "Café"),
    ("İstanbul", "istanbul"), ("ISTANBUL", "istanbul"), ("ΣΊΣΥΦΟΣ", "σίσυφος"), ("Ёлка", "елка"), ("ﬁle", "FILE"),
    ("１２３", "123"), ("a\u00a0b", "a b"), ("100% cotton", "0% c"), ("snake_case", "e_c"), ("back\\slash", "\\s"),
    ("buy oat milk", "milk buy"), ("unbelievable", "belie"), ("สวัสดี", "สวัส"), ("किताब", "किता"),
]  # fmt: skip
NOT_FOUND = [
    ("100 cotton", "%"), ("snakecase", "_"), ("slash", "\\"), ("buy milk", "buy bread"), ("กา", "กี"), ("की", "का"),
    ("x", "xx"), ("ab", "a b c"),
]  # fmt: skip


class TestSearch:
    @pytest.mark.parametrize(("title", "words"), FOUND)
    async def test_finds(self, ada, title, words):
        """Case, accents, width, order and spacing make no difference; wild cards are letters."""
        await ada.new(title)

        response = await ada.get("/todos", params={"search": words})

        assert [todo["title"] for todo in response.json()] == [title]

    @pytest.mark.parametrize(("title", "words"), NOT_FOUND)
    async def test_does_not_find(self, ada, title, words):
        """Every word must be there; marks that carry vowels still tell words apart."""
        await ada.new(title)

        assert (await ada.get("/todos", params={"search": words})).json() == []

    async def test_looks_in_titles_and_descriptions(self, ada):
        """Each word in either of them, but no word across both."""
        await ada.new("buy milk", description="two litres")

        assert await ada.titles("search=litres+milk") == ["buy milk"]
        assert await ada.titles("search=milktwo") == []

    async def test_keeps_no_text_that_grows_out_of_bounds(self, ada, table):
        """One character can be decomposed into eighteen; what is kept is four times the text at most."""
        todo = await ada.new("한글", description="\ufdfa" * 1000)

        kept = await table.fetchval("SELECT search_text FROM todos WHERE id = $1", todo["id"])
        assert len(kept) <= len("한글") * 3 + 1 + 4000
        assert await ada.titles("search=한글 \ufdfa") == ["한글"]

    @pytest.mark.parametrize("blank", ["", "+++", "%CC%81"])
    async def test_blank_is_absent(self, ada, blank):
        """Also when nothing is left of it but an accent."""
        await ada.new("x")

        assert await ada.titles(f"search={blank}") == ["x"]
