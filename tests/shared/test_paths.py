"""Which spellings of a path are one address."""

import httpx
import pytest
from fastapi import FastAPI, Request

from shared.paths import BothSpellings


@pytest.fixture
async def client():
    """A client of an app that tells which path it was asked for."""
    app = FastAPI(redirect_slashes=False)
    app.add_middleware(BothSpellings)

    @app.get("/")
    @app.post("/things")
    @app.get("/things/{name}")
    async def tell(request: Request) -> str:
        return f"{request.url.path}?{request.url.query} {(await request.body()).decode()}"

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        yield client


class TestATrailingSlash:
    @pytest.mark.parametrize("path", ["/things", "/things/"])
    async def test_makes_no_difference(self, client, path):
        """The answer is the same, to the query and the body that were sent, and no redirect."""
        answer = await client.post(f"{path}?a=/", content="milk/")

        assert (answer.status_code, answer.json()) == (200, "/things?a=/ milk/")

    async def test_is_no_part_of_a_name(self, client):
        """What a path ends with is found without the slash."""
        assert (await client.get("/things/milk/")).json() == "/things/milk? "

    @pytest.mark.parametrize("path", ["/things//", "/things/milk//", "//things"])
    async def test_counts_once(self, client, path):
        """More slashes, or slashes elsewhere, are another path."""
        assert (await client.post(path)).status_code in {404, 405}

    async def test_is_all_of_the_root(self, client):
        """`/` stays as it is."""
        assert (await client.get("/")).json() == "/? "
