"""How an attempt ends: from the verdict on its handler to its settled outcome. One at a time, with all its cases."""

from dataclasses import dataclass
from typing import assert_never

from argosy.agents.attempt import Attempts
from argosy.agents.parking import Why
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.settle import Settles
from argosy.agents.verdict import Drained, Expired, Failed, Lost, Overflowed, Verdict, Waits
from argosy.schemas.fault import Fault
from argosy.schemas.runlog import TaskSettled
from argosy.telemetry import logs, metrics, steps


@dataclass(frozen=True, slots=True)
class Finished:
    """Its records are finished: it was settled, or needs no answer."""


@dataclass(frozen=True, slots=True)
class Parked:
    """Its records are to be claimed again later: the claim was lost, or goes back (a service is away, time is up)."""

    why: Why
    seconds: float


Ended = Finished | Parked | Drained


@dataclass(frozen=True, slots=True)
class Endings:
    """Ends attempts."""

    services: Services

    async def end(self, running: Running, verdict: Verdict | Drained) -> Ended:
        """Settle, if that is what the verdict asks for. Waits for services as long as it takes."""
        with running.span, running.log_context():
            match verdict:
                case Drained():
                    steps.left(running.span, "drain")
                    return verdict
                case Lost():
                    if running.stopped == "loss":
                        metrics.lease_lost(running.order.body.agent, "lost")
                    steps.left(running.span, "claim_lost")
                    return _lost(running)
                case Waits(seconds, reason):
                    steps.left(running.span, "waits", reason)
                    return Parked("waiting", seconds)
                case Expired():
                    steps.left(running.span, "expired", "the deadline of its task has passed")
                    return Parked("expired", 0.0)
                case _:
                    return await self._settle(running, self._settled(running, verdict))

    async def _settle(self, running: Running, settled: TaskSettled) -> Ended:
        steps.invoked(running.span, settled.outcome, settled.usage, running.seconds)
        if settled.fault is not None:
            running.span.fail(settled.fault.code, settled.fault.message)
        with steps.settle(self.services.topics.runs, Attempts.work(running), settled.outcome):
            said = await Settles(self.services).settle(running, settled, running.span.trace)
        code = None if settled.fault is None else settled.fault.code
        agent = running.order.body.agent
        metrics.tasks_settled(agent, settled.outcome, (running.seconds,), error_type=code)
        if logs.told():
            tell_settled(running, settled.outcome, said, code)
        return Parked("lost", 0.0) if said == "loss" else Finished()

    def _settled(self, running: Running, verdict: Failed | Overflowed) -> TaskSettled:
        body = running.order.body
        base = TaskSettled(
            task_id=body.task_id,
            attempt=body.attempt,
            outcome="failed",
            usage=running.usage,
            worker=self.services.source,
            deliveries=running.deliveries + 1,
            duration_ms=round(running.seconds * 1000),
        )
        match verdict:
            case Overflowed(tokens, fault):
                seen = _seen(running, fault)
                return base.model_copy(
                    update={"outcome": "overflow", "measured_tokens": tokens, "fault": seen}
                )
            case Failed(fault):
                return base.model_copy(update={"fault": _seen(running, fault)})
            case _:
                assert_never(verdict)


def _seen(running: Running, fault: Fault) -> Fault:
    """Mark a fault as a result is: its message may say again what its handler has read."""
    return fault.model_copy(update={"taint": running.taint}) if running.taint else fault


def tell_settled(running: Running, outcome: str, said: str, code: str | None = None) -> None:
    """Tell in the log how an attempt was settled; `said`: what became of its claim. Ask `logs.told` before."""
    running.tell(
        "settled",
        outcome=outcome if said == "ok" else f"{outcome}, {said}",
        wall_seconds=round(running.seconds, 6),
        input_tokens=running.usage.input_tokens,
        output_tokens=running.usage.output_tokens,
        **({"code": code} if code is not None else {}),
    )


def _lost(running: Running) -> Ended:
    match running.stopped:
        case "over":
            return Finished()
        case "drain":
            return Drained()
        case "loss" | "limit" | "deadline" | None:
            return Parked("lost", 0.0)
        case _:
            assert_never(running.stopped)
