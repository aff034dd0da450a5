"""The service as OAuth clients know it: metadata, new tokens for a refresh token, revocation, introspection.

The rules are those of `sessions`; this feature speaks them in forms, and its errors in OAuth's words.
"""

from auth_service.oauth.errors import install_oauth_errors

__all__ = ["install_oauth_errors"]
