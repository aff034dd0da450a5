"""How a service answers about its health on its own port, as `shared.health` does on the admin port.

A module apart: an image's HEALTHCHECK starts `shared.health` every ten seconds, and needs nothing of the web.
"""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from shared.health import Health

__all__ = ["router"]

router = APIRouter(tags=["health"])
"""`/health`, `/livez` and `/readyz`, over `app.state.health`."""


@router.get("/health", summary="Is anybody there?")
async def health() -> dict[str, str]:
    """Answer as long as the process runs."""
    return {"status": "healthy"}


@router.get("/livez", summary="Should it be restarted?")
async def livez(request: Request) -> JSONResponse:
    """Say whether the process should be restarted."""
    known: Health = request.app.state.health
    status, body = await known.livez()
    return JSONResponse(body, status)


@router.get("/readyz", summary="Should it get requests?")
async def readyz(request: Request) -> JSONResponse:
    """Say whether the process should get requests."""
    known: Health = request.app.state.health
    status, body = await known.readyz()
    return JSONResponse(body, status)
