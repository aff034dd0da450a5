"""The least that FastAPI can do: the yardstick for everything that is served by it."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/ping")
async def ping() -> dict[str, bool]:
    """Answer."""
    return {"ok": True}
