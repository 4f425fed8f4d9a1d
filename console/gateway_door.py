"""What the gateway does with runs, apart from HTTP: submit, state, result, cancel; each bounded."""

import asyncio
import time
from collections import OrderedDict
from contextlib import suppress
from typing import Final, Literal

from pydantic import JsonValue

from argosy.broker.log import Cluster
from argosy.broker.store import Payloads
from argosy.broker.topics import TopicNames
from argosy.broker.values import load
from argosy.client.connection import Argosy
from argosy.client.receipt import Receipt
from argosy.client.room import FRESH_SECONDS
from argosy.client.run import Run
from argosy.console.gateway_bodies import (
    Answer,
    Awaits,
    BudgetAnswer,
    RunResult,
    RunView,
    Signal,
    Submit,
    Submitted,
    Waits,
    checked_run_id,
    links_of,
)
from argosy.console.gateway_feed import Feed
from argosy.console.gateway_problem import Problem, busy
from argosy.coordinator.admission import check_budget, check_pipeline
from argosy.coordinator.input_check import InputCheck
from argosy.coordinator.registry import Registry
from argosy.schemas.errors import ArgosyError, Busy, ResultTimeout
from argosy.schemas.runlog import RunEnded
from argosy.schemas.settings import Settings

_REMEMBERED: Final = 10_000
"""Submits of this gateway whose receipt a caller need not bring along."""
_LOOK_SECONDS: Final = 0.05
_READY_SECONDS: Final = 2.0


class Door:
    """One gateway's view of the fleet. Safe for any number of requests at once."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        payloads: Payloads,
        fleet: Argosy,
        stop: asyncio.Event,
    ) -> None:
        """`fleet` is an open client; after `stop` whoever waits is answered at once."""
        self.settings, self.stop, self._rules = settings.gateway, stop, settings.fleet.rules
        self._cluster, self._payloads, self._fleet = cluster, payloads, fleet
        self._names = TopicNames(settings.kafka.topic_prefix)
        self.registry = Registry(cluster.follower(self._names.pipelines))
        self.feed = Feed(lambda: cluster.follower(self._names.events))
        self._inputs = InputCheck()
        self._receipts: OrderedDict[str, Receipt] = OrderedDict()
        self.waits = asyncio.Semaphore(self.settings.waits)
        self.watchers = asyncio.Semaphore(self.settings.watchers)

    async def submit(self, asked: Submit, run_id: str) -> Submitted:
        """Send a submit on, and return once Kafka has it. `run_id`: the asked one, or a new one.

        Idempotent by run id. Raises BadMessage (what can be seen here already: pipeline, input), Problem 409
        where the run is known with other data, and what `Argosy.submit` raises: Busy too.
        """
        await self._check(asked)
        run = await self._sent(asked, run_id)
        if asked.run_id is not None:
            # Redis away: the submit is safe all the same, and a conflict shows at the result.
            with suppress(ArgosyError):
                if await run.conflicts():
                    raise _conflict(run_id)
        self._remember(run)
        return Submitted(run_id=run_id, receipt=str(run.receipt), links=links_of(run_id, run.receipt))

    async def state(self, run_id: str, receipt: Receipt | None) -> RunView:
        """Say how far a run is. Raises Problem 404, RunRefused, RunConflict, Unreachable."""
        run = self._run(run_id, receipt)
        state = await run.state()
        if state in ("running", "cancelled") and not await run.conflicts():
            return RunView(run_id=run_id, state=state)
        ended = await run.find()
        if ended is not None:
            return RunView(run_id=run_id, state=ended.outcome)
        return RunView(run_id=run_id, state=await self._open_state(run))

    async def result(self, run_id: str, receipt: Receipt | None, wait_seconds: float) -> RunResult | RunView:
        """Wait for the end for so long; a view of the run if it hasn't come.

        Raises Problem 404 and 503, RunRefused, RunConflict, PayloadGone, Unreachable.
        """
        run = self._run(run_id, receipt)
        ended = await run.find()
        if ended is None:
            state = await self._open_state(run)
            if wait_seconds > 0:
                ended = await self._wait(run, min(wait_seconds, self.settings.wait_most_seconds))
            if ended is None:
                return RunView(run_id=run_id, state=state)
        return await self._result(run_id, ended)

    async def cancel(self, run_id: str, reason: str) -> None:
        """Ask for the end of a run, known or not; returns once the request is safe."""
        await self._fleet.run(checked_run_id(run_id)).cancel(reason)

    async def waiting(self, run_id: str) -> Waits:
        """List what a run waits for. Raises PayloadGone, Unreachable."""
        found = await self._fleet.run(run_id).waiting()
        values = [None if one.about is None else await load(one.about, self._payloads) for one in found]
        told = (
            Awaits(
                step=one.step,
                kind=one.kind,
                since_ms=one.since_ms,
                until_ms=one.until_ms,
                question=one.question,
                by=one.by,
                about=value,
                about_sha256=one.about_sha256,
                refused=one.refused,
                refusal=one.refusal,
            )
            for one, value in zip(found, values, strict=True)
        )
        return Waits(run_id=run_id, waiting=tuple(told))

    async def signal(self, run_id: str, asked: Signal) -> None:
        """Tell a waiting step something; returns once it is safe. It is judged later: `waiting` tells of a refusal."""
        await self._fleet.run(run_id).signal(asked.step, asked.value, signal_id=asked.signal_id)

    async def approve(self, run_id: str, asked: Answer) -> None:
        """Answer an approval; returns once the answer is safe."""
        await self._fleet.run(run_id).approve(
            asked.step,
            approved=asked.approved,
            reason=asked.reason,
            by=asked.by,
            sha256=asked.about_sha256,
        )

    async def budget(self, run_id: str, asked: BudgetAnswer) -> None:
        """Raise a budget, or say no; returns once the answer is safe."""
        run = self._fleet.run(run_id)
        if asked.refused:
            await run.deny_budget(reason=asked.reason, by=asked.by, answer_id=asked.answer_id)
            return
        await run.raise_budget(
            asked.tokens, micros=asked.micros, by=asked.by, reason=asked.reason, answer_id=asked.answer_id
        )

    async def to_watch(self, run_id: str, receipt: Receipt | None) -> Run[JsonValue]:
        """Find a run to watch, while there is a place among the `watchers`.

        Raises Problem 404 and 503, RunRefused, RunConflict, Unreachable.
        """
        if self.watchers.locked():
            raise busy("too many watch", "watchers")
        run = self._run(run_id, receipt)
        if await run.find() is None:
            await self._open_state(run)
        return run

    async def until_lost(self) -> None:
        """Wait for as long as answers are read. Raises the error that ended it: this gateway is of no use any more."""
        await self._fleet.until_lost()

    async def health(self) -> Literal["ok", "draining", "kafka away"]:
        """Say whether submits could be taken now."""
        if self.stop.is_set():
            return "draining"
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._cluster.partitions(self._names.inbox)
        except (TimeoutError, ArgosyError):
            return "kafka away"
        return "ok"

    async def _sent(self, asked: Submit, run_id: str) -> Run[JsonValue]:
        until = time.monotonic() + self.settings.wait_most_seconds
        while True:
            try:
                return await self._submitted(asked, run_id)
            except Busy:
                if asked.when_busy == "refuse" or self.stop.is_set() or time.monotonic() >= until:
                    raise
                await asyncio.sleep(FRESH_SECONDS)

    async def _submitted(self, asked: Submit, run_id: str) -> Run[JsonValue]:
        return await self._fleet.submit(
            asked.pipeline,
            asked.input,
            run_id=run_id,
            priority=asked.priority,
            deadline_seconds=asked.deadline_seconds,
            untrusted=asked.untrusted,
            tenant=asked.tenant,
            budget=asked.budget,
            budget_micros=asked.budget_micros,
            on_spent=asked.on_spent,
            ask_seconds=asked.ask_seconds,
            when_busy="raise",
        )

    async def _check(self, asked: Submit) -> None:
        check_budget(asked.budget, asked.budget_micros, self._rules)
        pipeline = asked.pipeline
        if isinstance(pipeline, str):
            found = await self.registry.find(pipeline, _LOOK_SECONDS)
            if found is None:
                return  # it may be published any moment: the receiver waits for it, and refuses in the end
            pipeline = found
        else:
            check_pipeline(pipeline)
        self._inputs.check(pipeline.identity, pipeline, asked.input)

    def _run(self, run_id: str, receipt: Receipt | None) -> Run[JsonValue]:
        return self._fleet.run(checked_run_id(run_id), receipt=receipt or self._receipts.get(run_id))

    def _remember(self, run: Run[JsonValue]) -> None:
        if run.receipt is None:
            return
        self._receipts[run.run_id] = run.receipt
        self._receipts.move_to_end(run.run_id)
        if len(self._receipts) > _REMEMBERED:
            self._receipts.popitem(last=False)

    async def _open_state(self, run: Run[JsonValue]) -> Literal["submitted", "running"]:
        state = await run.state()
        if state == "unknown":
            if run.receipt is None:
                raise Problem(
                    404,
                    "not_found",
                    f"there is no run {run.run_id}",
                    why="it was never submitted, or ended too long ago",
                    do="check its id; of a submit made a moment ago elsewhere, pass the receipt along",
                )
            return "submitted"
        return "running"

    async def _wait(self, run: Run[JsonValue], seconds: float) -> RunEnded | None:
        if self.waits.locked():
            raise busy("too many wait for results", "waits")
        async with self.waits:
            ending = asyncio.create_task(run.ended(timeout_seconds=seconds), name="long poll")
            stopping = asyncio.create_task(self.stop.wait(), name="long poll's end")
            try:
                await asyncio.wait({ending, stopping}, return_when=asyncio.FIRST_COMPLETED)
                return ending.result() if ending.done() else None
            except ResultTimeout:
                return None
            finally:
                for task in (ending, stopping):
                    task.cancel()
                await asyncio.gather(ending, stopping, return_exceptions=True)

    async def _result(self, run_id: str, ended: RunEnded) -> RunResult:
        good = ended.outcome == "succeeded" and ended.result is not None
        return RunResult(
            run_id=run_id,
            outcome=ended.outcome,
            pipeline=ended.pipeline,
            result=await load(ended.result, self._payloads) if good and ended.result else None,
            fault=ended.fault,
            usage=ended.usage,
            tasks=ended.tasks,
        )


def _conflict(run_id: str) -> Problem:
    return Problem(
        409,
        "run_conflict",
        f"run {run_id} is taken by a run with other data",
        why="a run id names one run for ever; the same data would be answered with that run",
        do="choose another run id, or send the data of the first submit",
        field="run_id",
        run_id=run_id,
    )
