"""Everything that can happen to the sessions of a person, in any order, against a model in memory."""

import asyncio
from functools import partial
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from auth_service.audit import Actor, AuditLog, Source
from auth_service.sessions import EndReason, SessionEnder
from auth_service.throttles import Limit
from shared.database import transaction
from tests.auth_service.running import Device, token_in
from tests.auth_service.session_model import DAY, ModelSession, ModelToken
from tests.proofs import rounds

MOST_ALIVE = 3
# Apart from each other, and from the bounds of the rules, by more than a slow machine takes for a whole run.
PAUSES = st.sampled_from([0.0, 20.0, 40.0])
ANY = st.integers(0, 5)
WAYS_TO_END = ("token", "bearer", "list", "all", "others", EndReason.PASSWORD_CHANGED, EndReason.PASSWORD_RESET)


class SessionMachine(RuleBasedStateMachine):
    """One person. Rules run in a thread; what they await runs in the loop of the service."""

    def __init__(self, service, later, loop):
        super().__init__()
        self._service, self._later, self._loop = service, later, loop
        self._devices, self._sessions = [], []
        self._ada = self._await(service.register())
        self._add(self._ada)

    def _await(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def _sql(self, statement):
        return self._await(self._service.sql(statement, id=self._ada.answer["user"]["id"]))

    def _add(self, device):
        self._devices.append(device)
        self._sessions.append(ModelSession([ModelToken(device.refresh_token, 0.0)]))

    def _pick(self, which):
        """A device and its session: one of the three newest, for the others have mostly ended."""
        place = -1 - which % min(len(self._devices), 3)
        return self._devices[place], self._sessions[place]

    def _ask(self, method, path, device, **body):
        return self._await(device.client.request(method, path, headers=device.bearer, **body)).status_code

    @precondition(lambda self: sum(session.is_alive for session in self._sessions) < MOST_ALIVE)
    @rule(delivery=st.sampled_from(["cookie", "body"]))
    def log_in(self, delivery):
        """Another device logs in."""
        device = Device(self._service.client, delivery)
        assert self._await(device.login(self._ada.email)).is_success
        self._add(device)

    @rule(which=ANY, back=st.integers(0, 3), is_lost=st.booleans())
    def present(self, which, back, is_lost):
        """The device, a tab that is behind, or a thief presents a token of the session; the reply may get lost."""
        self._present(*self._pick(which), back=back, is_lost=is_lost)

    @rule(which=ANY, is_seen=st.booleans(), seconds=PAUSES, back=st.integers(0, 2))
    def come_back(self, which, is_seen, seconds, back):
        """A device gets new tokens, and maybe shows that it did; after a while an older one comes, or the same."""
        device, session = self._pick(which)
        self._present(device, session)
        if is_seen:
            self._present(device, session)
        self._wait(device, session, seconds)
        self._present(device, session, back=back)

    def _present(self, device, session, *, back=0, is_lost=False):
        place = max(len(session.tokens) - 1 - back, 0)
        text = session.tokens[place].text
        expected = session.present(place)

        answer = self._await(device.present(text))

        assert answer.status_code == (401 if expected is None else 200)
        if expected is not None:
            expected.text = expected.text or token_in(answer)
            assert token_in(answer) == expected.text
            if not is_lost:
                device.keep(answer)

    @rule(which=ANY, seconds=PAUSES | st.just(8 * DAY))
    def wait(self, which, seconds):
        """Time passes for a session."""
        self._wait(*self._pick(which), seconds)

    def _wait(self, device, session, seconds):
        self._await(self._later(device, seconds))
        session.age += seconds

    @rule(which=ANY, by=ANY, how=st.sampled_from(WAYS_TO_END))
    def end(self, which, by, how):
        """Sessions end: one logs out or is taken off the list, all or all others do, or another feature ends them."""
        (victim, session), (device, own) = self._pick(which), self._pick(by)
        match how:
            case "token":
                answer = self._await(victim.send_token("/auth/logout", session.tokens[0].text))
                assert answer.status_code == 204
                session.has_ended = True
            case "bearer":
                assert self._ask("POST", "/auth/logout", victim) == 204
                session.has_ended = True
            case "list":
                found = 204 if not session.has_ended else 404
                status = self._ask("DELETE", f"/auth/sessions/{victim.answer['session_id']}", device)
                assert status == (found if own.is_alive else 401)
                session.has_ended |= own.is_alive
            case "all" | "others":
                body = {"keep_current": how == "others"}
                assert self._ask("POST", "/auth/logout-all", device, json=body) == (204 if own.is_alive else 401)
                self._end_all(own if how == "others" else None, if_=own.is_alive)
            case EndReason.PASSWORD_CHANGED:
                self._await(self._end(how, but=UUID(device.answer["session_id"])))
                self._end_all(own)
            case EndReason.PASSWORD_RESET:
                self._await(self._end(how))
                self._end_all(None)

    async def _end(self, why, **which):
        async with transaction(self._service.app.state.database.sessions) as database:
            ender = SessionEnder(database, AuditLog(database, Source(Actor.CLIENT)))
            await ender.end(UUID(self._ada.answer["user"]["id"]), why, **which)

    def _end_all(self, but, *, if_=True):
        for session in self._sessions:
            session.has_ended |= if_ and session is not but

    @rule(which=ANY)
    def disable_for_a_while(self, which):
        """While an account is disabled nobody gets in, and nothing counts as theft: enabled, all is as it was."""
        device, session = self._pick(which)
        self._sql("UPDATE users SET status = 'disabled' WHERE id = :id")
        for token in session.tokens:
            assert self._await(device.present(token.text)).status_code == 401
        assert self._ask("GET", "/auth/me", device) == 401
        assert self._await(Device(device.client).login(self._ada.email)).status_code == 401
        self._sql("UPDATE users SET status = 'active' WHERE id = :id")
        # The password was right: it is no part of this that refused ones slow the next one.
        throttles = self._service.app.state.throttles
        self._await(throttles.clear(throttles.bucket(Limit.PASSWORDS, self._ada.email)))

    @invariant()
    def the_list_shows_what_is_alive(self):
        """Any device that is signed in sees the sessions that are alive, and no other device sees any."""
        places = list(zip(self._devices, self._sessions, strict=True))
        alive = {device.answer["session_id"] for device, session in places if session.is_alive}
        for device, session in places[-2:]:
            answer = self._await(device.client.get("/auth/sessions", headers=device.bearer))
            assert answer.status_code == (200 if session.is_alive else 401)
            assert not session.is_alive or {one["id"] for one in answer.json()} == alive

    @invariant()
    def one_refresh_token_lives(self):
        """Each session has one that is not used."""
        found = self._sql(
            "SELECT count(*) FROM sessions JOIN refresh_tokens ON session_id = id"
            " WHERE user_id = :id AND used_at IS NULL GROUP BY session_id"
        )
        assert found == [(1,)] * len(self._devices)

    @invariant()
    def every_service_is_told(self):
        """Of each session that has ended, and of no other."""
        told = self._sql("SELECT payload FROM outbox WHERE stream = 'auth:revocations' AND user_id = CAST(:id AS text)")
        sids = {payload["id"] for (payload,) in told if payload["kind"] == "sid"}
        lowest = max((payload["ver"] for (payload,) in told if payload["kind"] == "user"), default=0)
        for device, session in zip(self._devices, self._sessions, strict=True):
            is_revoked = device.answer["session_id"] in sids or device.claims["ver"] < lowest
            assert is_revoked is session.has_ended


class TestTheSessionsOfAPerson:
    async def test_are_as_the_model_says(self, service, later):
        """After any steps each token opens what it should, and nothing is accepted after its session died."""
        machine = partial(SessionMachine, service, later, asyncio.get_running_loop())
        run = settings(
            max_examples=rounds(50), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        )

        await asyncio.to_thread(run_state_machine_as_test, machine, settings=run)
