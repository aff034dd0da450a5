"""A shorter way from a request to its endpoint, for the route that most requests take."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias

from fastapi import Request, Response
from fastapi.routing import APIRoute

__all__ = ["DirectRoute"]

Dependency: TypeAlias = Callable[[Request], Awaitable[object]]


class DirectRoute(APIRoute):
    """A route whose dependencies take the request and nothing else, and whose endpoint returns a `Response`.

    They are awaited in the order of the signature, without FastAPI's solver, which costs a third of a cached page. The
    signature still says what the route needs, and OpenAPI shows it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request. Called by FastAPI, once."""
        endpoint = self.endpoint
        needs = [(str(need.name), _of_request(need.call)) for need in self.dependant.dependencies]

        async def handle(request: Request) -> Response:
            response: Response = await endpoint(**{name: await dependency(request) for name, dependency in needs})
            return response

        return handle


def _of_request(call: Callable[..., Any] | None) -> Dependency:
    assert call is not None
    return call
