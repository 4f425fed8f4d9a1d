"""One granted attempt: its span, its handler with what that is given, and what is to become of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, assert_never

from argosy.agents.handler_context import ModelSource, TaskContext
from argosy.agents.inputs import at_hand, read, shown, taint_of
from argosy.agents.patience import patiently
from argosy.agents.running import Running
from argosy.agents.services import Services
from argosy.agents.verdict import (
    Drained,
    Expired,
    Failed,
    Lost,
    Raised,
    Returned,
    Stopped,
    Verdict,
    verdict_on,
)
from argosy.pipelines.agent import Agent
from argosy.pipelines.context import Page
from argosy.schemas.errors import ArgosyError, HandlerTimeout, Tainted
from argosy.schemas.fault import fault_of
from argosy.schemas.pages import Reduction
from argosy.schemas.plain_dispatch import PlainDispatch
from argosy.schemas.task import SystemDispatched
from argosy.schemas.watch import StateChanged
from argosy.telemetry import logs, names, propagation, steps
from argosy.telemetry.spans import Attributes, Traced, Value
from argosy.telemetry.steps import Claim, Position, Work


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of one agent."""

    agent: Agent[..., Any]
    services: Services
    models: ModelSource | None
    stuck: Callable[[str], None]
    """Told of a handler that ignores its cancellation: the worker is to drain and exit."""

    def begin(self, running: Running, granted_ms: int, *, told: bool) -> float:
        """Begin its span, and tell that it was claimed at `granted_ms` of the server's clock.

        `told`: whether handoffs are told at all (`logs.told`). Returns how many seconds it had waited then.
        """
        order, body = running.order, running.order.body
        running.granted_ms = granted_ms
        waited = max(0, granted_ms - order.appended_ms) / 1000
        if propagation.passes(order.trace):
            running.span = Traced(None, order.trace)
        else:
            (_, partition, offset, _) = running.copies[0]
            running.span = steps.invocation(
                Position(partition.topic, partition.number, offset, self.services.topics.group(body.agent)),
                self.work(running),
                order.trace,
                joined=body.parents,
                earlier=body.earlier,
                claim=Claim(running.fence, running.lost, waited),
            )
        if told:
            running.tell("claimed", delivery=running.deliveries + 1, handoff_seconds=waited)
        return waited

    @staticmethod
    def work(running: Running) -> Work:
        """Say which delivery of which attempt it is, for spans."""
        order, body = running.order, running.order.body
        return Work(order.run_id, body.task_id, body.agent, body.attempt, running.deliveries + 1, body.step)

    async def handle(self, running: Running, deadline: float) -> bytes:
        """Run the handler; in a task of its own, whose context all this is. Give the JSON of its value.

        `deadline` (epoch seconds, the server's) is what the handler is told. The codecs run an author's
        validators and serializers: these may raise anything, as the handler may.
        """
        running.span.adopt()
        logs.adopt(running.log_fields)
        body = running.order.body
        given = at_hand(body)
        if given is None:
            inputs = await patiently(
                lambda: read(body, self.services.payloads, running.see),
                f"reading the inputs of {running.name}",
                running,
            )
            given, running.inputs, running.page = inputs.given, inputs.payloads, inputs.page
        elif not isinstance(body, PlainDispatch):  # a plain one has no taint
            running.see(taint_of(body.inputs))
        if body.refused is not None:
            running.see(body.refused.taint)
        if running.span.recording:
            running.span.set_content(names.INPUT, partial(shown, given))
            if isinstance(body, SystemDispatched) and body.reduced:
                running.span.set(_reduced(body.reduced, running.page))
        context = partial(TaskContext, running, self.services, deadline, self.models, self.agent)
        if isinstance(body, SystemDispatched) and body.system is not None:
            from argosy.agents.system_work import SystemWork  # noqa: PLC0415 - a worker starts sooner without

            return await SystemWork(body, self.services.count_tokens, context).do(body.system, given)
        if running.taint and self.agent.refuse_tainted:
            raise Tainted(f"agent {self.agent.name} takes no input that may hold {', '.join(running.taint)}")
        call = self.agent.function(context(), **self.agent.decode(given))
        del context, given  # thousands may wait here, each with half a kilobyte of these
        return self.agent.encode(await call)

    def verdict(self, running: Running) -> Verdict | Drained | bytes:
        """Judge what its handler did; bytes are the JSON of its value."""
        outcome = running.outcome
        if isinstance(outcome, Returned):  # as nearly all do: a pattern takes four times as long
            running.span.set_content(names.OUTPUT, outcome.value)
            return outcome.value
        match outcome:
            case Raised(error):
                with running.log_context():
                    _tell(error)
                return _in_time(running, verdict_on(error))
            case Stopped(obeyed):
                if not obeyed:
                    seconds = self.services.settings.worker.grace_seconds
                    self.stuck(
                        f"the handler of {running.name} was told to stop ({running.stopped}) and still "
                        f"runs after {seconds:g} s: it swallows CancelledError or blocks; let it pass"
                    )
                return _stopped(running)
            case None:  # not begun, as its deadline had passed
                return Expired()
            case _:
                assert_never(outcome)

    def tell_running(self, running: Running) -> None:
        """Tell who watches that it runs."""
        body = running.order.body
        message = StateChanged(task_id=body.task_id, agent=body.agent, attempt=body.attempt, state="running")
        self.services.watchers.tell(running.order.run_id, message, running.span.trace.traceparent)


def _reduced(records: Sequence[Reduction], page: Page | None) -> Attributes:
    """Tell what was done to inputs that were too large."""
    told: dict[str, Value] = {
        names.CONTEXT_METHOD: [f"{record.input}: {record.method}" for record in records],
        names.CONTEXT_SOURCE: [record.sha256 for record in records],
        names.CONTEXT_BEFORE: [str(record.before) for record in records],
        names.CONTEXT_AFTER: [str(record.after) for record in records],
        names.CONTEXT_PAGES: [str(record.pages) for record in records],
    }
    if page is not None:
        told[names.CONTEXT_PAGE] = page.number
    return told


def _stopped(running: Running) -> Verdict | Drained:
    match running.stopped:
        case "drain":
            return Drained()
        case "over" | "loss":
            return Lost()
        case "deadline":
            return Expired()
        case "limit" | None:
            seconds = running.order.body.contract.timeout_seconds
            fault = fault_of(HandlerTimeout(f"still running at its time limit ({seconds:g} s at most)"))
            return _in_time(running, Failed(fault))
        case _:
            assert_never(running.stopped)


def _in_time(running: Running, verdict: Verdict) -> Verdict:
    """Leave a failure at the deadline of its task unsaid: a handler that obeys its deadline raises just then."""
    return Expired() if isinstance(verdict, Failed) and running.limit.deadline_passed else verdict


def _tell(error: BaseException) -> None:
    """Log what a handler raised: with its traceback, unless it is a word of ours, which says all in its message."""
    log = logs.get("argosy.worker")
    if isinstance(error, ArgosyError):
        log.debug("a handler raised", exc_info=error)
    else:
        log.warning(
            "a handler raised", exc_info=(type(error), error, _from_the_author_on(error.__traceback__))
        )


def _from_the_author_on(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames that lead to the handler: they are always the same. All of them if none is the author's."""
    found = trace
    while found is not None and str(found.tb_frame.f_globals.get("__name__", "")).startswith("argosy."):
        found = found.tb_next
    return found or trace
