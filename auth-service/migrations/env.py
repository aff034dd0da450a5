"""What Alembic runs: the tables of this service, by the way that all services migrate."""

from auth_service.accounts.models import Credentials, PendingRegistration, User
from auth_service.audit.models import AuditEvent
from auth_service.keys.models import StoredKey
from auth_service.one_time.models import OneTimeToken
from auth_service.outbox import Outbox
from auth_service.sessions.models import LoginSession, RefreshToken
from auth_service.tables import Table
from shared.migrations import migrate

__all__: list[str] = []

# Importing a model is what puts its table into the metadata, which they share.
MODELS = (
    *(Credentials, PendingRegistration, User, LoginSession, RefreshToken),
    *(OneTimeToken, StoredKey, AuditEvent, Outbox),
)
assert {model.metadata for model in MODELS} == {Table.metadata}
migrate(Table.metadata)
