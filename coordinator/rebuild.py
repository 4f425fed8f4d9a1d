"""Rebuilding a lane by hand: after a release that mends a fold, or when its state is doubted."""

import secrets
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Script, Store

_REBUILD: Final = Script(__file__, "rebuild")


async def rebuild(store: Store, keys: LaneKeys) -> bool:
    """Have the lane's state dropped and made again from the log; False if there is none, which has the same effect.

    Returns at once: its owner finds out within a heartbeat. Claims, memos and results are spared. Anybody may call it,
    at any time, any number of times. Raises Unreachable.
    """
    return await store.run(_REBUILD, [keys.checkpoint], [secrets.token_hex(8)]) == 1
