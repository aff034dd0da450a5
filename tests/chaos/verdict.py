"""The end of a storm: what is there is compared with what was acknowledged, in every place where it can be seen."""

from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from tests.chaos.account import Account
from tests.chaos.ledger import Todo
from tests.chaos.readers import Reader
from tests.chaos.storm import Storm
from tests.chaos.tables import Tables
from tests.waiting import until

EQUAL_SECONDS = 40.0
"""How soon every copy equals the table. A listener whose event was lost hears of it within half a minute."""


async def judge(storm: Storm) -> None:
    """Note as faults of the storm's tally what differs: answers, rows, counters, copies, events and mails."""
    for account in storm.accounts:
        await _compare_answers(account)
    await _compare_copies(storm.readers)
    await storm.stop_readers()
    if storm.tally.resets:
        storm.tally.fault(f"{storm.tally.resets} readers were told to begin anew, and nothing had been restored")
    for line in storm.running.output().splitlines():
        if '"level": "error"' in line:
            storm.tally.fault(f"a process logged {line}")
    database = await asyncpg.connect(storm.database_url)
    try:
        await _compare_tables(storm, Tables(database, storm.tally))
    finally:
        await database.close()


async def _compare_answers(account: Account) -> None:
    for todo_id, versions in account.ledger.gaps().items():
        account.tally.fault(f"{account.name}: versions {versions} of {todo_id} were made by nobody")
    found, wanted = await _readable(account), account.ledger.there()
    for todo_id in sorted(found.keys() | wanted.keys()):
        if found.get(todo_id) != wanted.get(todo_id):
            account.tally.fault(f"{account.name} reads {found.get(todo_id)} instead of {wanted.get(todo_id)}")


async def _readable(account: Account) -> dict[str, Todo]:
    """Return a user's todos as the API shows them, with those in the trash; one page of each holds them all."""
    found: dict[str, Todo] = {}
    async with account.open_client() as client:
        for path in ("/todos", "/trash"):
            response = await client.get(path, params={"limit": "200"})
            assert response.status_code == 200, response.text
            found |= {todo["id"]: Todo.shown(todo) for todo in response.json()}
    return found


async def _compare_copies(readers: Sequence[Reader]) -> None:
    with suppress(AssertionError):
        await until(lambda: not any(reader.what_differs() for reader in readers), EQUAL_SECONDS)
    for reader in readers:
        copy, wanted = reader.copy(), reader.account.ledger.there()
        for todo_id in reader.what_differs():
            reader.account.tally.fault(f"{reader.name} has {copy.get(todo_id)} instead of {wanted.get(todo_id)}")


async def _compare_tables(storm: Storm, tables: Tables) -> None:
    for account in storm.accounts:
        await tables.compare(account)
    await tables.settle_mails()
    for account in storm.accounts:
        await tables.compare_mails(account, storm.letters)
    tables.compare_letters(storm.letters)
