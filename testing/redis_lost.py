"""Redis loses what was written to it: by a wipe, a restart, a failover, or where a process wrote to the old primary."""

import random

from argosy.testing.damage import Damage
from argosy.testing.world import Doors, World


class RedisLost:
    """Takes writes away from a world's Redis, and writes down when."""

    def __init__(self, world: World, damage: Damage, chance: random.Random) -> None:
        """Let `chance` decide how far a replica is behind."""
        self._world, self._damage, self._chance = world, damage, chance

    def _loses(self) -> None:
        self._damage.losses.append(self._world.loop.time())

    def wipe(self, _amount: float) -> None:
        """FLUSHALL: the identity stays."""
        self._loses()
        self._world.server.wipe()

    def restart(self, writes: float) -> None:
        """Come back as another server, without the last writes."""
        self._loses()
        self._world.server.restart(int(writes))

    def failover(self, writes: float) -> None:
        """Promote a replica that lacks the last writes."""
        self._loses()
        self._world.server.failover(int(writes))

    def failback(self, writes: float) -> None:
        """Do so twice: the `run_id` of before is back."""
        self.failover(writes)
        self._world.server.failover(0)

    def split(self, doors: Doors, seconds: float) -> None:
        """Promote a replica, and let one process go on writing to the old primary, until it has `joined`."""
        now = self._world.loop.time()
        doors.redis.server = self._world.server.clone()
        self.failover(self._chance.choice((0, 1, 3)))
        self._damage.splits.append((now, now + seconds))
        self._damage.astray.add(doors.kafka.name)

    def joined(self, doors: Doors) -> None:
        """Let it write to the new primary: what it wrote to the old one is lost."""
        doors.redis.server = self._world.server
        self._damage.astray.discard(doors.kafka.name)
