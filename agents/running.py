"""What runs here: one object per granted attempt, from its grant until its outcome is settled."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from argosy.agents.order import Copy, Order
from argosy.agents.time_limit import TimeLimit
from argosy.pipelines.context import Page
from argosy.schemas.chat import Usage
from argosy.schemas.payload import Payload
from argosy.schemas.taint import UNTAINTED, Taint, united
from argosy.schemas.task import HoleInput
from argosy.telemetry import logs
from argosy.telemetry.names import Handoff
from argosy.telemetry.propagation import NO_TRACE
from argosy.telemetry.spans import Traced

if TYPE_CHECKING:
    import asyncio

    from argosy.agents.verdict import Outcome

Stop = Literal["over", "loss", "limit", "deadline", "drain"]
"""Why an attempt is to stop: it is over; another has the claim; its own time or its task's is up; the worker leaves."""

NO_USAGE: Final = Usage()
_NO_SPAN: Final = Traced(None, NO_TRACE)


@dataclass(slots=True, eq=False)
class Running:
    """A granted attempt. The event loop's own; the lease thread reads `order`, `fence` and `limit` only."""

    order: Order
    fence: str
    deliveries: int
    limit: TimeLimit
    copies: list[Copy]
    """The records that order this attempt: all are finished when it is settled."""
    lost: str = ""
    """The fence of the delivery before, which lost its lease."""
    parks: int = 0
    """How often its record was parked before."""
    waits: int = 0
    """How often it has handed its slot back to wait for a service."""
    ordinal: int = 0
    """Of the last record that it appended to the run log: (cause, ordinal) sorts what a worker did."""
    stopped: Stop | None = None
    """The first reason to stop."""
    stopping: Callable[["Running"], None] | None = None
    """Told when there is a reason to stop, while the handler runs."""
    handler: "asyncio.Task[None] | None" = None
    outcome: "Outcome | None" = None
    """What the handler did, once it is done with."""
    granted_ms: int = 0
    """When it was claimed, by the server's clock."""
    span: Traced = _NO_SPAN
    inputs: Mapping[str, Payload] | None = None
    """What its handler was given, as it came, where that had to be read; else it lies in the order."""
    page: Page | None = None
    """Which page of an input it is given, where that is cut."""
    taint: Taint = UNTAINTED
    """Whose words its handler has seen: of its inputs, of what tools gave, of memos of either."""
    usage: Usage = NO_USAGE
    """What its model calls took so far."""
    began: float = 0.0
    """When its handler began, by `time.perf_counter`; `seconds`: what it took."""
    seconds: float = 0.0
    tell_at: float | None = None
    """When who watches is to be told that it runs, by the clock of the event loop."""

    @property
    def name(self) -> str:
        """Name it for people: `<task>#<attempt>`."""
        return self.order.name

    @property
    def payloads(self) -> Mapping[str, Payload]:
        """Give its inputs as they came, by parameter; a hole has none."""
        if self.inputs is not None:
            return self.inputs
        given = self.order.body.inputs
        return {one.name: one.source for one in given if not isinstance(one.source, HoleInput)}

    def see(self, taint: Taint) -> None:
        """Add marks: whatever its handler makes from now on may hold what it has seen."""
        if taint:
            self.taint = united(self.taint, taint)

    @property
    def suspect(self) -> bool:
        """Whether leases of it were lost before."""
        return self.deliveries > 0

    def log_fields(self) -> Mapping[str, str | int]:
        """Tell what every line of its log says."""
        body, trace_id = self.order.body, self.span.trace.trace_id
        fields: dict[str, str | int] = {
            "run_id": self.order.run_id,
            "task_id": body.task_id,
            "agent": body.agent,
            "attempt": body.attempt,
        }
        if trace_id is not None:
            fields["trace_id"] = trace_id
        return fields

    def log_context(self) -> AbstractContextManager[None]:
        """Let what is logged inside say which attempt it is about."""
        body = self.order.body
        return logs.bound(
            traceparent=self.span.trace.traceparent,
            run_id=self.order.run_id,
            task_id=body.task_id,
            agent=body.agent,
            attempt=body.attempt,
        )

    def tell(self, event: Handoff, **more: str | float | None) -> None:
        """Tell a handoff of it."""
        body, traceparent = self.order.body, self.span.trace.traceparent
        fields: dict[str, str | float | None] = {
            "run_id": self.order.run_id,
            "task_id": body.task_id,
            "agent": body.agent,
            "attempt": body.attempt,
            **more,
        }
        logs.tell(event, None if traceparent is None else traceparent[3:35], fields)  # a span's is valid

    def stop(self, why: Stop) -> None:
        """Ask it to stop; the first reason counts. Nothing happens to an attempt that is being settled."""
        if self.stopped is None and self.outcome is None:
            self.stopped = why
            if self.stopping is not None:
                self.stopping(self)
