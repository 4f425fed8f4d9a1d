"""A client for what a test itself asks of Redis: it waits however long the server is silent."""

from redis.asyncio import Redis


def patient(url: str) -> Redis:
    """Make it; by itself the library gives an answer up after five seconds, and asks once."""
    return Redis.from_url(url, socket_timeout=None, socket_connect_timeout=None)  # pyright: ignore[reportUnknownMemberType] (its **kwargs)
