"""The documentation page: Swagger UI from files of our own, no script inline and nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

import fastapi_standalone_docs
from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from gateway.openapi.documents import Documents
from shared.entity_tags import is_known
from shared.problems import NotFound

__all__ = ["docs_router"]

SWAGGER = Path(fastapi_standalone_docs.__path__[0]) / "static"
PAGES = Path(str(files("gateway") / "pages"))
ASSETS = {
    "swagger-ui-bundle.js": SWAGGER / "swagger" / "swagger-ui-bundle.js",
    "swagger-ui.css": SWAGGER / "swagger" / "swagger-ui.css",
    "page.js": PAGES / "page.js",
    "page.css": PAGES / "page.css",
    "icon.svg": PAGES / "icon.svg",
}
# Swagger UI sets styles on its elements, so they are allowed inline; scripts come from here alone.
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def docs_router(title: str, documents: Documents) -> APIRouter:
    """Return `/docs` with its files, and `/openapi.json`."""
    router = APIRouter(include_in_schema=False)
    page = (PAGES / "docs.html").read_text().replace("{title}", escape(title))

    @router.get("/")
    async def show_the_way() -> RedirectResponse:
        return RedirectResponse("/docs")

    @router.get("/docs")
    async def show_docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": PAGE_POLICY, "Cache-Control": "no-cache"})

    @router.get("/docs/assets/{name}")
    async def read_asset(name: str) -> FileResponse:
        if name not in ASSETS:
            raise NotFound
        return FileResponse(ASSETS[name], headers={"Cache-Control": "public, max-age=3600"})

    @router.get("/openapi.json")
    async def read_openapi(request: Request) -> Response:
        return _unless_known(request.headers.getlist("if-none-match"), *await documents.current())

    return router


def _unless_known(known: Sequence[str], body: bytes, etag: str) -> Response:
    """Return the document, or 304 where its tag is the one that the client has."""
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if is_known(known, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")
