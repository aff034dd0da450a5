"""Answers of the feed, and what tests look at in them."""


async def changes(caller, **params) -> dict:
    """Return one answer."""
    response = await caller.get("/changes", params=params)
    assert response.status_code == 200, response.text
    return response.json()


def shape(answer: dict) -> list[tuple[str, str, int]]:
    """Return the operations of an answer, with what they are about and their numbers."""
    return [(change["op"], change["id"], change["seq"]) for change in answer["changes"]]
