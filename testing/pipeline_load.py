"""A load made of a user's own pipeline: each run must end, once, with an outcome that is expected of it."""

import asyncio
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from argosy.agents.model_client import ModelClient
from argosy.pipelines.agent import Agent
from argosy.pipelines.pipeline import Pipeline
from argosy.schemas.errors import Unreachable
from argosy.testing.damage import Damage
from argosy.testing.oracle import Finding, Oracle
from argosy.testing.stage import Stage, agents_of
from argosy.testing.world import World

_AGAIN_SECONDS: Final = 0.05
_STARTS: Final = (0.0, 0.0, 0.1, 0.5, 3.0, 9.0)


class PipelineLoad:
    """See `Load`: one run of each input, submitted at times that the seed decides, some of them twice."""

    def __init__(
        self,
        world: World,
        pipeline: Pipeline[Any, Any],
        inputs: Sequence[Any],
        *,
        model: ModelClient | None = None,
        outcomes: Collection[str] = ("succeeded",),
    ) -> None:
        """`outcomes`: how a run may end; of a run whose payloads were lost, `failed` is no surprise."""
        self.world, self.model = world, model
        self._pipeline, self._inputs, self._outcomes = pipeline, inputs, frozenset(outcomes)
        self._runs: list[str] = []

    @property
    def agents(self) -> Mapping[str, Agent[..., Any]]:
        """See `Load`."""
        return agents_of([self._pipeline])

    async def submit(self, stage: Stage, chance: random.Random, last: float) -> None:
        """See `Load`."""
        async with asyncio.TaskGroup() as group:
            for number, value in enumerate(self._inputs):
                at = chance.choice(_STARTS) / max(_STARTS) * last / 2
                group.create_task(self._one(stage, f"run-{number}", value, at, twice=chance.random() < 1 / 3))

    async def _one(self, stage: Stage, run_id: str, value: object, at: float, *, twice: bool) -> None:
        await asyncio.sleep(at)
        left = 1 + twice
        while left:
            with suppress(Unreachable):  # as a good client does: what wasn't answered is submitted again
                await stage.client.submit(self._pipeline, value, run_id=run_id)
                left -= 1
            await asyncio.sleep(_AGAIN_SECONDS)
        self._runs.append(run_id)

    def waiting(self, oracle: Oracle, damage: Damage) -> Iterable[str]:
        """See `Load`."""
        stories = oracle.stories()
        for run_id in self._runs:
            if not stories[run_id].results and not damage.unpublished and not damage.excuses(run_id):
                yield f"{run_id} has no result"

    def findings(self, oracle: Oracle, damage: Damage) -> Iterable[Finding]:
        """See `Load`."""
        more = {"failed"} if damage.payloads else set[str]()
        more |= {"expired"} if damage.slept else set()
        stories = oracle.stories()
        for run_id in self._runs:
            for end in stories[run_id].ended[:1]:
                if end.outcome not in self._outcomes | more and not damage.excuses(run_id):
                    yield Finding("wrong outcome", f"{run_id}: {end.outcome} {end.fault}")
