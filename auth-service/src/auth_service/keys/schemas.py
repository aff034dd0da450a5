"""What the key set looks like."""

from pydantic import BaseModel

__all__ = ["KeySetPublic", "PublicKeyJwk"]


class PublicKeyJwk(BaseModel):
    """A public key (RFC 7517 section 4)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    alg: str
    use: str


class KeySetPublic(BaseModel):
    """The public keys that verify our access tokens (RFC 7517 section 5)."""

    keys: list[PublicKeyJwk]
