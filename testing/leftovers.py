"""What must not be left in Redis once all runs have ended: the check that closes a whole class of defects."""

from argosy.broker.keys import PERMANENT, kind_of
from argosy.broker.store import Store

EMPTY_AT_REST = ("timers", "ready", "out", "wait", "outbox", "quarantine")
"""Kinds of permanent keys that hold work: with nothing in them Redis removes the key itself."""


async def leftovers(store: Store, key_prefix: str) -> list[str]:
    """Return every key under the prefix that a fleet at rest may not have, each with the reason.

    At rest: each run has ended and everything was folded. Permanent are then the lanes' checkpoints, live marks and
    lists of agents; every other key has a TTL, and no task has a claim.
    """
    found: list[str] = []
    for raw in sorted({key async for key in store.scan(f"{key_prefix}:*")}):
        key = raw.decode()
        kind = kind_of(key)
        if kind is None:
            found.append(f"{key}: no module makes such a key")
        elif kind in EMPTY_AT_REST:
            found.append(f"{key}: work is left in it")
        elif kind not in PERMANENT and await store.ttl_ms(key) == -1:
            found.append(f"{key}: it has no TTL")
        elif kind == "task" and (await store.hmget(key, ["fence"]))[0] is not None:
            found.append(f"{key}: it is claimed")
    return found
