"""Following a link that resets a password."""

NEW = "quite another passphrase"


async def reset(client, token, password=NEW):
    """Follow the link, and choose this password."""
    return await client.post("/auth/password/reset", json={"token": token, "new_password": password})
