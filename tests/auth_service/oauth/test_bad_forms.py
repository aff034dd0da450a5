"""Whatever comes as a form is read in one way, or refused with a reason; nothing is changed and nothing breaks."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth_service.oauth.asking import APP, PEER, SECRET, assert_refused, basic, exchange
from tests.auth_service.running import assert_problem

FORM = "application/x-www-form-urlencoded"
AUTHORIZED = {"/oauth/token": {}, "/oauth/revoke": {}, "/oauth/introspect": {"Authorization": basic(PEER, SECRET)}}
NEEDS = {"/oauth/token": f"grant_type=refresh_token&client_id={APP}&refresh_token=", "/oauth/revoke": "token="}
NEEDS["/oauth/introspect"] = NEEDS["/oauth/revoke"]
PATHS = list(NEEDS)


@pytest.fixture
def send(client):
    """`await send(path, body)`: post these bytes as a form, by a client that may."""

    async def send(path, body, content_type=FORM):
        headers = {"Content-Type": content_type} if content_type is not None else {}
        return await client.post(path, content=body, headers=AUTHORIZED[path] | headers)

    return send


@pytest.mark.parametrize("path", PATHS)
class TestABody:
    @pytest.mark.parametrize(
        "content_type",
        [None, "", "application/json", "text/plain", "multipart/form-data; boundary=x", f"x{FORM}", f"{FORM}, {FORM}"],
    )
    async def test_must_say_that_it_is_a_form(self, app_of_ada, send, path, content_type):
        """JSON too is an `invalid_request`: clients expect OAuth's words here."""
        body = NEEDS[path] + app_of_ada.refresh_token

        assert_refused(await send(path, body.encode(), content_type), 400, "invalid_request")

        assert await app_of_ada.is_signed_in()

    @pytest.mark.parametrize("content_type", [f"{FORM};charset=UTF-8", f"{FORM} ; charset=utf-8", FORM.upper()])
    async def test_may_name_its_charset(self, app_of_ada, send, path, content_type):
        """As many libraries do."""
        body = NEEDS[path] + app_of_ada.refresh_token

        assert (await send(path, body.encode(), content_type)).status_code == 200

    @pytest.mark.parametrize(
        "end",
        {
            "NUL": "%00",
            "bare NUL": "\x00",
            "surrogate": "%ED%A0%80",
            "overlong": "%C0%80",
            "no UTF-8": "%FF",
            "no UTF-8 in what nobody knows": "&x=%FF",
            "bare bytes": "é",
            "newline": "%0D%0A",
            "beyond ASCII": "%C3%A9",
            "half an escape": "%4",
            "no escape": "%zz",
            "space": " ",
            "no value": "&x",
            "nothing": "&",
        }.items(),
        ids=lambda case: case[0],
    )
    async def test_has_one_meaning(self, app_of_ada, send, path, end):
        """What two readers could read in two ways, or PostgreSQL could not store, is refused."""
        body = NEEDS[path] + app_of_ada.refresh_token + end[1]

        assert_refused(await send(path, body.encode()), 400, "invalid_request")

        assert await app_of_ada.is_signed_in()

    @pytest.mark.parametrize("further", ["x=1&x=1", "x=&x=", "x=1&x=2", None])
    async def test_repeats_nothing(self, app_of_ada, send, path, further):
        """Not with the same value, and not even what nobody here knows (RFC 6749 section 3.2)."""
        body = NEEDS[path] + app_of_ada.refresh_token
        further = further or body.rpartition("&")[2]

        answer = await send(path, f"{body}&{further}".encode())

        assert "repeated" in assert_refused(answer, 400, "invalid_request")
        assert await app_of_ada.is_signed_in()

    @pytest.mark.parametrize("body", ["", "&", "x=1", "{}"])
    async def test_without_its_parameters_is_refused(self, send, path, body):
        """The first that is missing is named."""
        assert_refused(await send(path, body.encode()), 400, "invalid_request")

    async def test_of_a_megabyte_is_refused(self, send, path):
        """Bodies end at 16 KiB, declared or counted. 413 is HTTP's word, and has no other in OAuth."""
        large = (NEEDS[path] + "x" * 1_048_576).encode()

        async def chunks():
            for start in range(0, len(large), 65_536):
                yield large[start : start + 65_536]

        assert_problem(await send(path, large), 413, "body_too_large")
        assert_problem(await send(path, chunks()), 413, "body_too_large")

    async def test_of_sixteen_thousand_bytes_is_answered(self, send, path):
        """With the longest token, and with the most parameters."""
        long, many = NEEDS[path] + "x" * 16_000, "&".join(f"{number}=" for number in range(2_500))

        assert (await send(path, long.encode())).status_code == (400 if path == "/oauth/token" else 200)
        assert_refused(await send(path, many.encode()), 400, "invalid_request")

    @given(body=st.binary(max_size=60) | st.text(st.sampled_from("tokencli_d=&%+04f"), max_size=60).map(str.encode))
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_is_answered(self, send, path, body):
        """No body makes the service fail."""
        answer = await send(path, NEEDS[path].encode() + body)

        assert answer.status_code in {200, 400, 401}, answer.text

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    async def test_must_be_posted(self, client, path, method):
        """An address that takes forms alone: 405, in HTTP's words."""
        answer = await client.request(method, path)

        assert_problem(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == "POST"


class TestTheParametersOfAnExchange:
    @pytest.mark.parametrize("missing", ["grant_type", "client_id", "refresh_token"])
    @pytest.mark.parametrize("value", [None, ""])
    async def test_are_all_there(self, app_of_ada, missing, value):
        """The one that is missing is named; one without a value is missing (RFC 6749 section 3.2)."""
        form = {"grant_type": "refresh_token", "client_id": APP, "refresh_token": app_of_ada.refresh_token}
        form = {name: text for name, text in form.items() if name != missing} | ({} if value is None else {missing: ""})

        answer = await app_of_ada.client.post("/oauth/token", data=form)

        assert assert_refused(answer, 400, "invalid_request") == f"{missing} is missing"

    @pytest.mark.parametrize(
        "grant_type", ["password", "authorization_code", "client_credentials", "Refresh_Token", "x"]
    )
    async def test_ask_for_the_one_grant(self, app_of_ada, grant_type):
        """Whatever else is there: nobody exchanges a password here."""
        form = {"grant_type": grant_type, "username": app_of_ada.email, "password": "pässword"}

        answer = await app_of_ada.client.post("/oauth/token", data=form)

        assert_refused(answer, 400, "unsupported_grant_type")

    async def test_hold_a_whole_token(self, app_of_ada):
        """One that lost its end is unknown, and ends nothing."""
        assert_refused(await exchange(app_of_ada, app_of_ada.refresh_token[:-1]), 400, "invalid_grant")
        assert_refused(await exchange(app_of_ada, app_of_ada.answer["access_token"]), 400, "invalid_grant")

        assert await app_of_ada.is_signed_in()


class TestARefusal:
    async def test_repeats_nothing_that_was_sent(self, client):
        """What was sent could be a token."""
        forms = [{"grant_type": "canary"}, {"grant_type": "refresh_token", "client_id": "canary"}]
        forms += [{"grant_type": "refresh_token", "client_id": APP, "refresh_token": "canary", "scope": "canary"}]
        forms += [{"grant_type": "refresh_token", "client_id": APP, "refresh_token": "canary\n"}, {"canary": "x"}]

        for form in forms:
            answer = await client.post("/oauth/token", data=form)
            assert answer.status_code in {400, 401}
            assert "canary" not in answer.text
