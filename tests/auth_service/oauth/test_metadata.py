"""GET /.well-known/oauth-authorization-server"""

from tests.auth_service.running import PUBLIC_URL, assert_problem

ADDRESS = "/.well-known/oauth-authorization-server"


class TestTheMetadata:
    async def test_says_where_everything_is(self, client, ada):
        """The issuer is the `iss` of tokens, and each endpoint is at the same origin (RFC 8414 section 2)."""
        answer = await client.get(ADDRESS)

        assert answer.json() == {
            "issuer": ada.claims["iss"],
            "token_endpoint": f"{PUBLIC_URL}/oauth/token",
            "revocation_endpoint": f"{PUBLIC_URL}/oauth/revoke",
            "introspection_endpoint": f"{PUBLIC_URL}/oauth/introspect",
            "jwks_uri": f"{PUBLIC_URL}/.well-known/jwks.json",
            "scopes_supported": ada.answer["scope"].split(),
            "response_types_supported": [],
            "grant_types_supported": ["refresh_token"],
            "token_endpoint_auth_methods_supported": ["none"],
            "revocation_endpoint_auth_methods_supported": ["none"],
            "introspection_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    async def test_may_be_kept(self, client):
        """For five minutes, by anybody: it is the same for all."""
        answer = await client.get(ADDRESS + "/")

        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "public, max-age=300"

    async def test_does_not_depend_on_the_host_asked(self, client):
        """What a client calls the server changes nothing."""
        lies = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}

        assert (await client.get(ADDRESS, headers=lies)).json() == (await client.get(ADDRESS)).json()

    async def test_claims_no_openid(self, client):
        """Without an id token there is no OpenID provider."""
        assert_problem(await client.get("/.well-known/openid-configuration"), 404, "not_found")
