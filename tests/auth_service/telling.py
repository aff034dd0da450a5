"""Links as the worker mails them, and what is told about a person."""

from uuid import UUID

import pytest

from auth_service.accounts import lock_account
from auth_service.one_time import OneTimeService, Use
from shared.database import transaction
from shared.ids import uuid7


@pytest.fixture
def link_for(service):
    """`await link_for(device)`: the token of a new link to this person, which resets their password unless it is for
    another use."""

    async def link_for(device, use=Use.RESET_PASSWORD, **payload):
        user_id = UUID(device.answer["user"]["id"])
        async with transaction(service.app.state.database.sessions) as session:
            await lock_account(session, user_id)
            one_time = OneTimeService(session, service.app.state.one_time_tokens)
            return await one_time.mint(uuid7(), user_id, use, **payload)

    return link_for


@pytest.fixture
def told(service):
    """`await told(device)`: what the outbox and the audit log say about a person, sorted by name.

    Rows of one moment have no order of their own.
    """

    async def told(device):
        user_id = device.answer["user"]["id"]
        events = await service.sql("SELECT type FROM outbox WHERE user_id = :id ORDER BY type", id=user_id)
        audit = await service.sql("SELECT type FROM audit_events WHERE user_id = :id ORDER BY type", id=UUID(user_id))
        return [event for (event,) in events], [what for (what,) in audit]

    return told
