"""What the service writes down holds nothing that opens anything."""

from tests.auth_service.processes import START_SECONDS, environment, running
from tests.waiting import until

PASSWORD = "canary-password-3b1f"
ADDRESS = "canary-address-3b1f@example.com"
AGENT = "canary-agent\\n{}"


class TestTheLog:
    async def test_holds_no_secret(self, migrated_database):
        """Passwords, tokens and addresses of a whole visit, wrong turns included, are in no line and no 422."""
        url = await migrated_database("auth")
        bodies = []
        async with running(environment(DATABASE_URL=url, LOG_LEVEL="debug")) as process:
            await until(process.is_up, START_SECONDS)
            client, app = process.client, {"X-Token-Delivery": "body"}

            async def post(path, body, **headers):
                answer = await client.post(path, json=body, headers=app | headers)
                bodies.append(answer.text if answer.status_code >= 400 else "")
                return answer

            who = {"email": ADDRESS, "password": PASSWORD}
            tokens = (await post("/auth/register", who)).json()
            await post("/auth/register", who)
            await post("/auth/login", who | {"password": PASSWORD + "-wrong"})
            await post("/auth/login", {"email": PASSWORD, "password": ADDRESS, "next": PASSWORD})
            await post(f"/auth/login?password={PASSWORD}", who, Cookie=f"todo_rt={PASSWORD}")
            renewed = (await post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})).json()
            await post("/auth/refresh", {"refresh_token": PASSWORD, "x": renewed["refresh_token"]})
            form = {
                "grant_type": "refresh_token",
                "client_id": "todo-native",
                "refresh_token": renewed["refresh_token"],
            }
            bodies += [(await client.post("/oauth/token", data=form | {"scope": PASSWORD})).text]
            bodies += [(await client.post("/oauth/token", data=form | {"refresh_token": PASSWORD})).text]
            renewed = (await client.post("/oauth/token", data=form)).json()
            bodies += [(await client.post("/oauth/introspect", data=form, auth=(ADDRESS, PASSWORD))).text]
            bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
            me = await client.get("/auth/me", headers=bearer)
            await client.get("/auth/me", headers={"Authorization": f"Bearer {PASSWORD}"})
            await post("/auth/logout", {"refresh_token": renewed["refresh_token"]}, **bearer)

        assert me.status_code == 200
        secrets = [PASSWORD, ADDRESS, environment()["AUTH_SECRET"], environment()["BETTER_AUTH_SECRET"]]
        secrets += [given[name] for given in (tokens, renewed) for name in ("access_token", "refresh_token")]
        assert '"route": "/auth/refresh"' in process.output
        assert [secret for secret in secrets if secret in process.output] == []
        assert [secret for secret in secrets if any(secret in body for body in bodies)] == []

    async def test_names_the_user_of_a_request(self, migrated_database):
        """Each request's line has its user's id, so that a user's trouble can be followed."""
        url = await migrated_database("auth")
        async with running(environment(DATABASE_URL=url)) as process:
            await until(process.is_up, START_SECONDS)
            answer = await process.client.post("/auth/register", json={"email": ADDRESS, "password": PASSWORD})

        assert f'"user": "{answer.json()["user"]["id"]}"' in process.output
