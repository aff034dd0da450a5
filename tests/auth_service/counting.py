"""What the service does for an answer, counted: hashes and statements."""

from contextlib import contextmanager
from functools import partial

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import event

from auth_service.passwords import PasswordHasher, PasswordPolicy


class CountingHasher(Argon2Hasher):
    """Argon2id that counts how often it worked, at a cost of its own."""

    def __init__(self, **cost):
        super().__init__(**cost)
        self.calls = 0

    def hash(self, password, *, salt=None):
        self.calls += 1
        return super().hash(password, salt=salt)

    def verify(self, password, stored_hash):
        self.calls += 1
        return super().verify(password, stored_hash)


def count_hashes(service, **cost):
    """Let `service` hash at this cost from now on; return what counts how often."""
    counting = CountingHasher(**cost)
    service.app.state.hasher = PasswordHasher(2, PasswordPolicy(8, "localhost"), PasswordHash((counting,)))
    counting.calls = 0
    return counting


@contextmanager
def noted(service, is_wanted):
    """Give the statements that the service sends meanwhile, of those that are wanted."""
    sent = []
    engine = service.app.state.database.engine.sync_engine

    def note(connection, cursor, statement, *_):
        if is_wanted(statement):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield sent
    event.remove(engine, "before_cursor_execute", note)


def reads_keys(statement):
    """Whether this is how the service reads its keys, which it also does by itself now and then."""
    return "FROM signing_keys" in statement


@pytest.fixture
def statements(service):
    """The statements that the service has sent for requests."""
    with noted(service, lambda statement: not reads_keys(statement)) as sent:
        yield sent


@pytest.fixture
def key_readings(service):
    """The statements by which the service has read its keys."""
    with noted(service, reads_keys) as sent:
        yield sent


@pytest.fixture
def hash_with(service):
    """Let the service hash at another cost, counted, for this test."""
    original = service.app.state.hasher
    yield partial(count_hashes, service)
    service.app.state.hasher = original
