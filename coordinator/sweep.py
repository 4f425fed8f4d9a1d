"""Removes what a dropped state left behind. Task keys lie outside of any epoch and stay."""

from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Script, Store

_SWEEP: Final = Script(__file__, "sweep")
_AT_ONCE: Final = 200


async def sweep(store: Store, keys: LaneKeys, epoch: str) -> None:
    """Delete every key of an epoch that is no longer the lane's; if it is again, none. Safe to repeat.

    Raises Unreachable.
    """
    batch: list[str] = []
    async for key in store.scan(f"{literal(keys.state(epoch))}:*"):
        batch.append(key.decode())
        if len(batch) == _AT_ONCE:
            await store.run(_SWEEP, [keys.checkpoint, *batch], [epoch])
            batch = []
    if batch:
        await store.run(_SWEEP, [keys.checkpoint, *batch], [epoch])


def literal(text: str) -> str:
    """Take glob's special characters literally."""
    return "".join(f"\\{character}" if character in "*?[]\\^" else character for character in text)
