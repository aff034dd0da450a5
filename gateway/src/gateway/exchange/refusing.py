"""How a request is refused: a problem in place of its answer, and what becomes of a body that is still to come."""

from gateway.exchange.bodies import HELD_BYTES
from gateway.exchange.visit import Visit
from gateway.heads.headers import Pairs
from shared.logging import request_context
from shared.problem_responses import problem_response
from shared.problems import Problem

__all__ = ["refuse"]


async def refuse(visit: Visit, problem: Problem) -> None:
    """Answer with `problem`, unless an answer has begun: then only the log hears of it."""
    visit.error = problem.code
    if visit.reply.is_started:
        return
    request_context(visit.identity.request_id, visit.identity.traceparent)
    response = problem_response(problem, visit.scope)
    head: Pairs = list(response.raw_headers)
    is_waiting = bool(visit.fields.all(b"expect"))
    is_long = visit.declared_length - visit.bytes_in > HELD_BYTES
    if "Connection" not in problem.headers and (is_waiting or is_long):
        # Who waits may send its body all the same, or its next request: only the connection's end is clear. And what
        # is left of a long one would come for nobody.
        head.append((b"connection", b"close"))
    await visit.reply.start(response.status_code, head)
    await visit.reply.body(bytes(response.body), more=False)
