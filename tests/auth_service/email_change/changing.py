"""Getting another address."""

from tests.auth_service.running import PASSWORD


async def ask(device, new_email, **changed):
    """Ask for another address on this device."""
    body = {"new_email": new_email, "password": PASSWORD} | changed
    return await device.client.post("/auth/email/change", json=body, headers=device.bearer)


async def confirm(device, token, **more):
    """Follow the link on this device."""
    body = {"token": token} | more
    return await device.client.post("/auth/email/change/confirm", json=body, headers=device.bearer)
