"""A ticket opens one stream for a browser's EventSource, which cannot send a token."""

import asyncio

import pytest

from shared.caller import InsufficientScope
from shared.tokens import MissingToken
from tests.todo_service.harness import assert_problem
from todo_service.changes.tickets.errors import InvalidTicket


@pytest.fixture
def ticket_of(service):
    """`await ticket_of(ada)`."""

    async def buy(user):
        response = await service.client.post("/events/ticket", headers=user.bearer)
        assert response.status_code == 201, response.text
        return response.json()["ticket"]

    return buy


class TestGettingATicket:
    @pytest.mark.parametrize("path", ["/events/ticket", "/events/ticket/"])
    async def test_needs_a_token(self, service, path):
        """Without a token the answer is 401."""
        assert_problem(await service.client.post(path), MissingToken)

    async def test_needs_the_scope(self, service, ada):
        """Who may not read todos gets none."""
        response = await service.client.post("/events/ticket", headers=ada.may(scope="todos:write"))

        assert_problem(response, InsufficientScope)

    async def test_says_how_long_it_holds(self, service, ada):
        """It is good for half a minute."""
        response = await service.client.post("/events/ticket", headers=ada.bearer)

        assert response.status_code == 201
        assert response.json().keys() == {"ticket", "expires_in"}
        assert response.json()["expires_in"] == 30

    async def test_is_not_stored(self, ticket_of, ada, sql):
        """The table holds the digest of its secret, and nobody can make a ticket of that."""
        ticket = await ticket_of(ada)

        [row] = await sql.fetch("SELECT digest, claims FROM event_tickets WHERE user_id = $1", ada.id)

        assert len(row["digest"]) == 32
        assert ticket.partition(".")[2] not in str(dict(row))


class TestUsingATicket:
    async def test_opens_a_stream(self, service, ticket_of, ada):
        """It names its user, without a token."""
        seq = await ada.writes(service)

        async with service.listening(ada, f"?ticket={await ticket_of(ada)}") as stream:
            assert (await stream.next()).seq == seq

    async def test_works_once(self, service, ticket_of, ada):
        """The second time it is 401, also while the first stream is open."""
        ticket = await ticket_of(ada)
        async with service.listening(ada, f"?ticket={ticket}"):
            again = await service.client.get(f"/events?ticket={ticket}")

        assert_problem(again, InvalidTicket)
        assert again.headers["WWW-Authenticate"] == "Bearer"

    async def test_of_many_at_once_one_wins(self, service, ticket_of, ada):
        """Who copies a ticket is refused, or its owner notices."""
        path = f"/events?ticket={await ticket_of(ada)}"

        async def status():
            async with service.client.stream("GET", path) as response:
                return response.status_code

        assert sorted(await asyncio.gather(*(status() for _ in range(8)))) == [200] + 7 * [401]

    async def test_an_old_one(self, service, ticket_of, ada, sql):
        """After half a minute it is worth nothing."""
        ticket = await ticket_of(ada)
        await sql.execute("UPDATE event_tickets SET expires_at = now() WHERE user_id = $1", ada.id)

        assert_problem(await service.client.get(f"/events?ticket={ticket}"), InvalidTicket)

    async def test_a_forged_one(self, service, ticket_of, ada, grace):
        """One's own secret with another's name opens nothing, and neither does nonsense."""
        mine, theirs = await ticket_of(ada), await ticket_of(grace)
        forged = f"{theirs.partition('.')[0]}.{mine.partition('.')[2]}"

        for ticket in (forged, mine[:-1], f"{mine}A", f"{mine}%00", "", ".", "a.b", "AA.AA", "é", "x" * 3000):
            response = await service.client.get("/events", params={"ticket": ticket})
            assert_problem(response, InvalidTicket)

    async def test_a_right_one_is_not_repaired(self, service, ticket_of, ada):
        """A ticket with a token beside it counts: the token says nothing."""
        response = await service.client.get("/events?ticket=nonsense", headers=ada.bearer)

        assert_problem(response, InvalidTicket)

    async def test_is_in_no_log(self, service, ticket_of, ada):
        """Used or refused, the service writes no ticket down."""
        used, refused = await ticket_of(ada), f"{await ticket_of(ada)}x"
        async with service.listening(ada, f"?ticket={used}"):
            await service.client.get(f"/events?ticket={refused}")

        assert b"/events" in service.said
        for secret in (used, refused):
            assert secret.partition(".")[2].encode() not in service.said
