"""Deleting an account, and letting its grace days pass."""

from uuid import UUID


async def delete(device):
    """Ask for the end of the account that is signed in on this device."""
    return await device.client.delete("/auth/me", headers=device.bearer)


def user_id(device):
    """The id of whoever is signed in."""
    return UUID(device.answer["user"]["id"])


async def let_grace_pass(service, device):
    """Let the account's last day be over."""
    statement = "UPDATE users SET purge_after = clock_timestamp() WHERE id = :id AND purge_after IS NOT NULL"
    await service.sql(statement, id=user_id(device))


async def status_of(service, device):
    """How the account is stored: "active", "deleting", None when it is gone."""
    rows = await service.sql("SELECT status FROM users WHERE id = :id", id=user_id(device))
    return rows[0][0] if rows else None
