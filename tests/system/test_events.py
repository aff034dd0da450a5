"""Live events as a frontend gets them: through the gateway, at once, and across a stop of the service."""

import asyncio
import signal

import pytest

from tests.waiting import until


class Stream:
    """The events of one open answer."""

    def __init__(self, response):
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self, seconds=5):
        """Return the fields of the next event, None at the end."""
        fields = {}
        async with asyncio.timeout(seconds):
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = value
        return None


async def opened(client, path="/events", **headers):
    """Return an open stream."""
    request = client.build_request("GET", path, headers=headers)
    response = await client.send(request, stream=True)
    assert response.status_code == 200, await response.aread()
    return Stream(response)


class TestThroughTheGateway:
    async def test_a_change_comes_at_once(self, new_person):
        """Nothing on the way collects events: each is there within half a second of its write."""
        ada = await new_person()
        stream = await opened(ada.client)
        assert (await stream.next())["id"] == "0"
        for number in range(1, 6):
            answer = await ada.create(f"todo {number}")

            event = await stream.next(0.5)

            assert event == {"event": "change", "data": f'{{"seq":{number}}}', "id": answer.headers["X-Sync-Seq"]}
        await stream.response.aclose()

    async def test_a_ticket_instead_of_a_token(self, running_set, new_person, browser_like):
        """A page on another origin opens a stream by a ticket, once; the ticket is in no process's log."""
        ada = await new_person()
        ticket = (await ada.client.post("/events/ticket")).json()["ticket"]

        stream = await opened(browser_like, f"/events?ticket={ticket}")
        again = await browser_like.get(f"/events?ticket={ticket}")

        assert stream.response.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        assert (await stream.next())["id"] == "0"
        await stream.response.aclose()
        assert (again.status_code, again.json()["code"]) == (401, "invalid_ticket")
        assert again.headers["Access-Control-Allow-Origin"] == "http://localhost:3000"
        if running_set.folder:
            await until(lambda: '"path": "/events"' in running_set.output())
            assert ticket.partition(".")[2] not in running_set.output()

    async def test_resumes(self, new_person):
        """`Last-Event-ID` passes the gateway: what was heard is not told again."""
        ada = await new_person()
        await ada.create("first")
        stream = await opened(ada.client, **{"Last-Event-ID": "1"})
        await ada.create("second")

        assert (await stream.next())["id"] == "2"
        await stream.response.aclose()

    async def test_a_closed_tab_makes_room(self, new_person):
        """The service hears of it through the gateway, so that the limit counts open tabs only."""
        ada = await new_person()
        streams = [await opened(ada.client) for _ in range(5)]
        refused = await ada.client.get("/events")
        await streams[0].response.aclose()

        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")

        async def there_is_room():
            async with ada.client.stream("GET", "/events") as response:
                return response.status_code == 200

        await until(there_is_room, seconds=5)
        for stream in streams[1:]:
            await stream.response.aclose()


@pytest.mark.kills
class TestAStop:
    async def test_of_the_service(self, running_set, new_person):
        """Its streams end with a time to come back, within a second; after that time the next one opens."""
        ada = await new_person()
        stream = await opened(ada.client)
        await stream.next()

        before = running_set.stack()["processes"]["todo-service"]["pid"]
        running_set.signal("todo-service", signal.SIGTERM)

        last = await stream.next(2)
        assert 1000 <= int(last["retry"]) <= 5000
        assert await stream.next(2) is None

        async def it_is_back():
            # Until it has ended, the old process answers new requests still.
            if running_set.stack()["processes"].get("todo-service", {"pid": before})["pid"] == before:
                return False
            async with ada.client.stream("GET", "/events") as response:
                return response.status_code == 200

        await until(it_is_back, seconds=10)
