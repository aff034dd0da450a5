"""What is a key."""

import pytest

from tests.todo_service.harness import assert_problem
from todo_service.changes.idempotency.errors import InvalidIdempotencyKey

VISIBLE = "".join(map(chr, range(0x21, 0x7F))).replace('"', "")
BAD = [
    "",
    " ",
    '""',
    '"',
    '"a',
    'a"',
    'a"b',
    '"a"b"',
    "a b",
    "a\tb",
    "a, b",
    '"a";x=1',
    "é",
    "k" * 256,
    f'"{"k" * 256}"',
]


class TestAKey:
    @pytest.mark.parametrize("key", ["k", "k" * 255, VISIBLE, "0f2f5a52-6d0b-4a86-9a3e-6f1d5d8f4c11"])
    async def test_is_visible_ascii_in_quotes_or_without(self, ada, key):
        """Up to 255 characters; the quotes of the draft, and white space around them, are no part of it."""
        for spelt in (key, f'"{key}"', f' "{key}"\t'):
            answer = await ada.post("/todos", json={"title": "x"}, headers={"Idempotency-Key": spelt})
            assert answer.status_code == 201

        assert await ada.titles() == ["x"]

    @pytest.mark.parametrize("key", BAD)
    async def test_is_nothing_else(self, ada, key):
        """Anything else is 400, and nothing is written: whoever sends a key relies on it."""
        field = ("Idempotency-Key", key.encode("latin-1"))

        answer = await ada.post("/todos", json={"title": "x"}, headers=[field])

        assert_problem(answer, InvalidIdempotencyKey)
        assert await ada.titles() == []

    @pytest.mark.parametrize("keys", [("a", "b"), ("a", "a")])
    async def test_is_one(self, ada, keys):
        """Two fields do not say which one is meant, so they are refused, even when they are equal."""
        todo = await ada.new()

        for path in ("/todos", f"/todos/{todo['id']}/restore"):
            fields = [("Idempotency-Key", key) for key in keys]
            assert_problem(await ada.post(path, json={"title": "x"}, headers=fields), InvalidIdempotencyKey)

        assert len(await ada.titles()) == 1

    async def test_means_nothing_elsewhere(self, ada):
        """PATCH and DELETE can be repeated as they are, and GET too: they do not read it, be it good or bad."""
        path = f"/todos/{(await ada.new())['id']}"
        bad = {"Idempotency-Key": "a b"}

        answers = [
            await ada.get(path, headers=bad),
            await ada.patch(path, json={"title": "y"}, headers=bad),
            await ada.delete(path, headers=bad),
            await ada.delete("/trash", headers=bad),
        ]

        assert [answer.status_code for answer in answers] == [200, 200, 204, 200]
