"""A shorter way from a request to its endpoint, for the routes that most requests take."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

__all__ = ["DirectRoute"]

Dependency: TypeAlias = Callable[[Request], Awaitable[object]]


class DirectRoute(APIRoute):
    """A route whose dependencies take the request and nothing else, and whose endpoint returns a `Response`.

    They are awaited in the order of the signature, without FastAPI's solver (decision 0011) and without the stacks and
    the second handler of exceptions around it (decision 0015): what is raised reaches the handlers of the app.
    The signature still says what the route needs, and OpenAPI shows it.
    """

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response]], **options: Any) -> None:
        """Take what `APIRoute` takes. Called by FastAPI."""
        super().__init__(path, endpoint, **options)
        self._answer = endpoint
        self._needs = [(str(need.name), _of_request(need.call)) for need in self.dependant.dependencies]

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Called by the router, also for a method that is not the route's."""
        if self.methods and scope["method"] not in self.methods:
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        response = await self._answer(**{name: await dependency(request) for name, dependency in self._needs})
        await response(scope, receive, send)


def _of_request(call: Callable[..., Any] | None) -> Dependency:
    assert call is not None
    return call
