"""The spellings of a path that are one address."""

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["BothSpellings"]


class BothSpellings:
    """Answer a path with one trailing slash as the path without it, which is the only one that routes name.

    A redirect from one to the other would lose the body and CORS, and show the port behind the gateway. Middleware that
    goes by the path is added before this one, and so stands behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"][:-1]
        await self._app(scope, receive, send)
