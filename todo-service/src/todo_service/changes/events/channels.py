"""The channel of a user, on which each write says the number of its change."""

from redis.exceptions import ResponseError

from shared.redis import RedisClient, RedisUnavailable
from todo_service.keys import user_key

__all__ = ["announce", "channel_of"]


def channel_of(user_id: str) -> str:
    """Return the name of the channel of one user."""
    return f"td:ch:{user_key(user_id)}"


async def announce(redis: RedisClient, user_id: str, seq: int) -> None:
    """Tell every process that streams to the user of the change `seq`, which must be committed. Never raises.

    A message that is lost is made good by the next look at the counters.
    """
    try:
        await redis.call("PUBLISH", channel_of(user_id), seq)
    except (RedisUnavailable, ResponseError):
        return
