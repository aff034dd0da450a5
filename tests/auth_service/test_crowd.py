"""Many who log in at once: hashing is bounded."""

import asyncio

from tests.auth_service.running import assert_problem, new_address


class TestACrowdLoggingIn:
    async def test_is_turned_away_beyond_fifty(self, service, stranger):
        """With every thread taken and fifty waiting, the next is told at once to try again."""
        hasher = service.app.state.hasher
        async with hasher.permit(), hasher.permit():
            logins = [asyncio.ensure_future(stranger.login(new_address())) for _ in range(51)]
            done, waiting = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED, timeout=10)
            connections = service.app.state.database.engine.pool.checkedout()
        (refused,) = (login.result() for login in done)
        answers = [await login for login in waiting]

        assert_problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert connections == 0, "a login that waits for its turn holds a database connection"
        assert [answer.status_code for answer in answers] == [401] * 50
