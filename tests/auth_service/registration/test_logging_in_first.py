"""POST /auth/login where addresses are verified first"""

import pytest

from tests.auth_service.running import PASSWORD, Device, assert_problem, new_address


class TestLoggingIn:
    async def test_opens_an_account_that_is_verified(self, client, ada):
        """As everywhere."""
        assert (await Device(client).login(ada.email)).status_code == 200

    async def test_needs_the_address_verified(self, service, client, grace, stranger):
        """An account from before gets 403, which opens nothing and is written down."""
        answer = await stranger.login(grace.email)

        assert_problem(answer, 403, "email_not_verified")
        assert "set-cookie" not in answer.headers
        assert await service.sql(
            "SELECT count(*) FROM sessions WHERE user_id = :id", id=grace.answer["user"]["id"]
        ) == [(1,)]
        assert await service.sql(
            "SELECT detail->>'reason' FROM audit_events WHERE user_id = :id AND type = 'login_failed'",
            id=grace.answer["user"]["id"],
        ) == [("email_not_verified",)]

    async def test_opens_it_once_it_is(self, client, newcomers, grace, link_for):
        """By the link and the password, without being signed in anywhere."""
        await newcomers.verify(await link_for(grace), password=PASSWORD)

        assert (await Device(client).login(grace.email)).status_code == 200

    async def test_with_the_right_password_is_no_guess(self, client, grace, redis_url):
        """Whoever tries again while the mail is on its way is not slowed."""
        answers = [await Device(client).login(grace.email) for _ in range(7)]

        assert [answer.status_code for answer in answers] == [403] * 7

    async def test_leaves_other_sessions_alone(self, grace, stranger):
        """Whoever was signed in when the rule came stays so."""
        await stranger.login(grace.email)

        assert (await grace.refresh()).status_code == 200


class TestALoginThatFails:
    @pytest.mark.parametrize("password", [PASSWORD, "a wrong password"])
    async def test_does_not_tell_who_waits(self, service, client, newcomers, ada, grace, cost_of, password):
        """A registration that waits is as unknown as an address of nobody, with the right password too."""
        waiting = await newcomers.sign_up()
        tries = [(waiting.email, password), (new_address(), PASSWORD)]
        tries += [(known.email, "a wrong password") for known in (ada, grace)]

        answers, costs = [], []
        for email, tried in tries:
            answer, cost = await cost_of(Device(client).login(email, password=tried))
            answers.append(assert_problem(answer, 401, "invalid_credentials")["detail"])
            costs.append(cost)

        assert len(set(answers)) == 1
        assert len(set(costs)) == 1
        assert costs[0][0] == 1
