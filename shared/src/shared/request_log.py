"""The line that a service writes of each request, and the id under which it is known."""

import time
from collections.abc import Callable

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.ids import uuid7
from shared.logging import REQUEST_ID, request_context
from shared.request_metrics import Requests

__all__ = ["RequestLog"]

# What balancers ask every second or two; while the answer is 200 it says nothing that anybody would look for.
PROBES = frozenset({"/livez", "/readyz"})


class RequestLog:
    """Give each request its id and write its one `request` line when the answer is complete.

    The id is taken from `X-Request-Id` when a trusted proxy sent it, else it is new; the answer carries it.
    A probe that is answered by 200 has its line at the level `debug`.
    """

    def __init__(self, app: ASGIApp, trusts: Callable[[str | None], bool], requests: Requests | None = None) -> None:
        """`requests` counts what is written."""
        self._app = app
        self._requests = requests
        self._trusts = trusts
        self._log = structlog.get_logger()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = self._request_id(scope, headers)
        request_context(request_id, headers.get("traceparent"))
        started, status = time.perf_counter(), 500

        async def named_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, named_send)
        finally:
            self._write(scope, status, time.perf_counter() - started)

    def _request_id(self, scope: Scope, headers: Headers) -> str:
        inbound = headers.get("x-request-id", "")
        peer = (scope.get("client") or (None,))[0]
        if REQUEST_ID.fullmatch(inbound) and self._trusts(peer):
            return inbound
        return str(uuid7())

    def _write(self, scope: Scope, status: int, seconds: float) -> None:
        route, state = getattr(scope.get("route"), "path", None), scope.get("state", {})
        if self._requests is not None:
            self._requests.observe(scope["method"], route, status, seconds)
        write = self._log.debug if route in PROBES and status == 200 else self._log.info
        write(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            user=state.get("user_id"),
            code=state.get("problem_code"),
        )
