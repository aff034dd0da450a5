"""Sessions as logins make them, without the cost of a password's hash."""

from datetime import timedelta
from uuid import uuid4

from auth_service.sessions import RefreshTokens
from tests.auth_service.running import Device, Service


async def sign_in(service: Service, person: Device) -> Device:
    """Return another browser in which this person has just logged in; it has a refresh token and no answer yet."""
    device, token = Device(service.client, answer={"session_id": str(uuid4())}), RefreshTokens.first()
    await service.sql(
        "INSERT INTO sessions (id, user_id, client_id, delivery, created_at, auth_time, last_seen_at, idle_expires_at,"
        " absolute_expires_at, amr, salt, generation)"
        " SELECT :id, :user_id, 'todo-web', 'cookie', t, t, t, t + :idle, t + :idle, '{pwd}', '\\x00', 0"
        " FROM clock_timestamp() t",
        id=device.answer["session_id"],
        user_id=person.answer["user"]["id"],
        idle=timedelta(days=14),
    )
    await service.sql(
        "INSERT INTO refresh_tokens (token_hash, session_id, generation, issued_at) VALUES (:hash, :id, 0, now())",
        hash=RefreshTokens.digest(token),
        id=device.answer["session_id"],
    )
    device.refresh_token = token
    return device
