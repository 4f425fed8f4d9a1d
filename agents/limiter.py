"""The limits of models as one worker process keeps them: a turnstile for each model that has any."""

import asyncio

from argosy.agents.bucket import bucket_of
from argosy.agents.turnstile import Turnstile
from argosy.broker.store import Store
from argosy.schemas.settings import Settings


class Limiter:
    """One per process. `run` must go on as long as calls are made."""

    def __init__(self, store: Store, settings: Settings) -> None:
        """Nothing is asked yet."""
        self._store, self._settings = store, settings
        self._turnstiles: dict[tuple[str, str], Turnstile | None] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, leave: asyncio.Event) -> None:
        """Serve until `leave`; then tell what calls took last."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for turnstile in self._turnstiles.values():
                self._begin(turnstile)
            await leave.wait()
            self._tasks = None
            for turnstile in self._turnstiles.values():
                if turnstile is not None:
                    turnstile.close()

    def turnstile(self, provider: str, model: str) -> Turnstile | None:
        """Give the turnstile of a model; None if it has no limits."""
        which = (provider, model)
        if which not in self._turnstiles:
            settings = self._settings
            bucket = bucket_of(self._store, settings.redis.key_prefix, settings.model, provider, model)
            self._turnstiles[which] = turnstile = None if bucket is None else Turnstile(bucket)
            self._begin(turnstile)
        return self._turnstiles[which]

    def _begin(self, turnstile: Turnstile | None) -> None:
        if turnstile is not None and self._tasks is not None:
            self._tasks.create_task(turnstile.run(), name=f"turnstile {turnstile.bucket.keys.model}")
