"""One granted attempt, from its inputs to its settled outcome: in its span, log context and time limit."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, assert_never

from pydantic_core import to_json

from argosy.agents.claim import Granted
from argosy.agents.handler_context import ModelSource, TaskContext
from argosy.agents.inputs import read
from argosy.agents.parking import Why
from argosy.agents.patience import patiently
from argosy.agents.result import Result, result_of
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.settle import Settles
from argosy.agents.supervise import Stopped, supervise
from argosy.agents.verdict import Failed, Lost, Overflowed, Raised, Returned, Verdict, Waits, verdict_on
from argosy.pipelines.agent import Agent
from argosy.pipelines.port import Given
from argosy.schemas.chat import Usage
from argosy.schemas.errors import ArgosyError, ClaimLost, HandlerTimeout, InvalidInput, PayloadGone
from argosy.schemas.fault import Fault, fault_of
from argosy.schemas.runlog import TaskSettled
from argosy.schemas.watch import StateChanged
from argosy.telemetry import logs, metrics, names, steps
from argosy.telemetry.spans import Traced
from argosy.telemetry.steps import Work

TELL_RUNNING_SECONDS = 0.25
"""Who watches is told that a task runs if it still does after this long: most short ones are over before."""


@dataclass(frozen=True, slots=True)
class Finished:
    """Its records are finished: it was settled, or needs no answer."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Its records are to be claimed again later: the claim was lost, or goes back as a service is away."""

    why: Why
    seconds: float


@dataclass(frozen=True, slots=True)
class Drained:
    """It was stopped because the worker leaves: its claim goes back, its records are not finished."""


Ended = Finished | Parked | Drained


@dataclass(slots=True)
class Made:
    """What a handler made, and what that took."""

    verdict: Verdict | Drained | bytes
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class Attempts:
    """Runs the attempts of one agent."""

    agent: Agent[..., Any]
    services: Services
    models: ModelSource | None
    stuck: Callable[[str], None]
    """Told of a handler that ignores its cancellation: the worker is to drain and exit."""

    async def run(self, running: Running, granted: Granted, free: Callable[[], None]) -> Ended:
        """Run an attempt to its end; `free` is called when its handler is done, before it is settled."""
        order = running.order
        body = order.body
        work = Work(order.run_id, body.task_id, body.agent, body.attempt, granted.deliveries + 1, body.step)
        span = steps.invocation(order.position, work, order.trace, joined=body.parents, earlier=body.earlier)
        bound = logs.bound(
            traceparent=span.trace.traceparent,
            run_id=order.run_id,
            task_id=body.task_id,
            agent=body.agent,
            attempt=body.attempt,
        )
        with span, bound:
            waited = max(0, granted.now_ms - order.appended_ms) / 1000
            logs.handoff("claimed", delivery=work.delivery, handoff_seconds=waited)
            metrics.handed_off(body.agent, waited)
            made = await self._make(running, granted, span)
            free()
            # While services are waited for, the lease must not run out and count as a lost one.
            running.limit.lift()
            return await self._end(running, made, span, work)

    async def _make(self, running: Running, granted: Granted, span: Traced) -> Made:
        teller = asyncio.get_running_loop().call_later(
            TELL_RUNNING_SECONDS, self._tell_running, running, span
        )
        began = time.perf_counter()
        try:
            verdict, usage = await self._judged(running, granted, span)
        finally:
            teller.cancel()
        return Made(verdict, usage, time.perf_counter() - began)

    async def _judged(
        self, running: Running, granted: Granted, span: Traced
    ) -> tuple[Verdict | Drained | bytes, Usage]:
        if running.limit.left() <= 0:
            return self._stopped(running), Usage()
        try:
            inputs = await patiently(
                lambda: read(running.order.body, self.services.payloads),
                f"reading the inputs of {running.name}",
                running,
            )
        except (InvalidInput, PayloadGone) as error:
            return Failed(fault_of(error)), Usage()
        except (ClaimLost, HandlerTimeout):
            return self._stopped(running), Usage()
        span.set_content(names.INPUT, lambda: to_json(inputs.given))
        ctx = TaskContext(
            running,
            self.services,
            deadline=datetime.fromtimestamp(granted.now_ms / 1000 + running.limit.left(), UTC),
            inputs=inputs.payloads,
            models=self.models,
        )
        grace = self.services.settings.worker.grace_seconds
        outcome = await supervise(running, self._called(ctx, inputs.given), grace)
        return self._verdict(running, outcome, span), ctx.usage

    async def _called(self, ctx: TaskContext, given: Mapping[str, Given]) -> bytes:
        # The codecs run an author's validators and serializers: these may raise anything, as the handler may.
        arguments = self.agent.decode(given)
        return self.agent.encode(await self.agent.function(ctx, **arguments))

    def _verdict(
        self, running: Running, outcome: "Returned[bytes] | Raised | Stopped", span: Traced
    ) -> Verdict | Drained | bytes:
        match outcome:
            case Returned(data):
                span.set_content(names.OUTPUT, data)
                return data
            case Raised(error):
                _tell(error)
                return verdict_on(error)
            case Stopped(obeyed):
                if not obeyed:
                    seconds = self.services.settings.worker.grace_seconds
                    self.stuck(
                        f"the handler of {running.name} was told to stop ({running.stopped}) and still "
                        f"runs after {seconds:g} s: it swallows CancelledError or blocks; let it pass"
                    )
                return self._stopped(running)
            case _:
                assert_never(outcome)

    def _stopped(self, running: Running) -> Verdict | Drained:
        match running.stopped:
            case "drain":
                return Drained()
            case "over" | "loss":
                return Lost()
            case "limit" | None:
                seconds = running.order.body.contract.timeout_seconds
                return Failed(
                    fault_of(HandlerTimeout(f"still running at its time limit ({seconds:g} s at most)"))
                )
            case _:
                assert_never(running.stopped)

    async def _end(self, running: Running, made: Made, span: Traced, work: Work) -> Ended:
        match made.verdict:
            case Drained():
                return made.verdict
            case Lost():
                span.fail("claim_lost")
                return self._lost(running)
            case Waits(seconds, reason):
                span.fail("waits", reason)
                return Parked("waiting", seconds)
            case _:
                settled = await self._settled(running, made, made.verdict)
        steps.invoked(span, settled.outcome, settled.usage, made.seconds)
        code = settled.fault.code if settled.fault is not None else None
        if settled.fault is not None:
            span.fail(settled.fault.code, settled.fault.message)
        with steps.settle(self.services.topics.runs, work, settled.outcome):
            said = await Settles(self.services).settle(running, settled, span.trace)
        metrics.task_settled(self.agent.name, settled.outcome, made.seconds, error_type=code)
        logs.handoff(
            "settled",
            outcome=settled.outcome if said == "ok" else f"{settled.outcome}, {said}",
            wall_seconds=round(made.seconds, 6),
            input_tokens=settled.usage.input_tokens,
            output_tokens=settled.usage.output_tokens,
            **({"code": code} if code is not None else {}),
        )
        return Parked("lost", 0.0) if said == "loss" else Finished()

    @staticmethod
    def _lost(running: Running) -> Ended:
        match running.stopped:
            case "over":
                return Finished()
            case "drain":
                return Drained()
            case "loss" | "limit" | None:
                return Parked("lost", 0.0)

    async def _settled(
        self, running: Running, made: Made, verdict: Failed | Overflowed | bytes
    ) -> TaskSettled:
        body = running.order.body
        base = TaskSettled(
            task_id=body.task_id,
            attempt=body.attempt,
            outcome="succeeded",
            usage=made.usage,
            worker=self.services.source,
            deliveries=running.deliveries + 1,
            duration_ms=round(made.seconds * 1000),
        )
        found = await result_of(verdict, body, self.services) if isinstance(verdict, bytes) else verdict
        match found:
            case Result(payload, facts):
                return base.model_copy(update={"result": payload, "facts": facts})
            case Overflowed(tokens, fault):
                return base.model_copy(
                    update={"outcome": "overflow", "measured_tokens": tokens, "fault": fault}
                )
            case Failed(fault) | (Fault() as fault):
                return base.model_copy(update={"outcome": "failed", "fault": fault})
            case _:
                assert_never(found)

    def _tell_running(self, running: Running, span: Traced) -> None:
        body = running.order.body
        message = StateChanged(task_id=body.task_id, agent=body.agent, attempt=body.attempt, state="running")
        self.services.watchers.tell(running.order.run_id, message, span.trace.traceparent)


def _tell(error: BaseException) -> None:
    """Log what a handler raised: with its traceback, unless it is a word of ours, which says all in its message."""
    log = logs.get("argosy.worker")
    if isinstance(error, ArgosyError):
        log.debug("a handler raised", exc_info=error)
    else:
        log.warning("a handler raised", exc_info=error)
