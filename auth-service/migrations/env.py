"""What Alembic runs: the tables of this service, by the way that all services migrate."""

from auth_service.accounts.models import Credentials, User
from auth_service.keys.models import StoredKey
from auth_service.sessions.models import LoginSession, RefreshToken
from auth_service.tables import Table
from shared.migrations import migrate

__all__: list[str] = []

# Importing a model is what puts its table into the metadata, which they share.
assert {model.metadata for model in (Credentials, User, StoredKey, LoginSession, RefreshToken)} == {Table.metadata}
migrate(Table.metadata)
