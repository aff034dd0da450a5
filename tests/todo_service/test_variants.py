"""The ground on which this run stands is the one that was asked for."""

import pytest

from tests.todo_service.variants import OPTION, Variant, outage_of

PARTS = """
SELECT relation.relname, (SELECT count(*) FROM pg_inherits WHERE inhparent = relation.oid) AS parts
  FROM pg_class AS relation JOIN pg_attribute AS owner ON owner.attrelid = relation.oid
 WHERE relation.relnamespace = 'public'::regnamespace AND relation.relkind IN ('r', 'p') AND owner.attname = 'user_id'
"""


@pytest.fixture
def variant(request):
    """What is different in this run, None if nothing is."""
    return request.config.getoption(OPTION)


class TestTheGround:
    async def test_has_all_tables_of_users_in_parts_or_none(self, table, variant):
        """Eight parts each, or whole tables."""
        found = dict(map(tuple, await table.fetch(PARTS)))

        assert "todos" in found
        assert set(found.values()) == {8 if variant == Variant.PARTITIONS else 0}

    def test_has_redis_or_not(self, valkey, variant, request):
        """It is there, but for the outage that this run is about."""
        outage = outage_of(request.config)

        assert valkey.is_ready() == (outage is None or not outage.is_here)
        assert valkey.is_ready() or variant in {Variant.REDIS_STOPPED, Variant.REDIS_KILLED}
