"""The work message: one attempt of one task, for one agent."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from argosy.schemas.contract import Contract
from argosy.schemas.facts import Want
from argosy.schemas.hole import Hole
from argosy.schemas.late import Late
from argosy.schemas.pages import Reduction
from argosy.schemas.payload import Payload, Reference
from argosy.schemas.planning import PlanRefused
from argosy.schemas.taint import UNTAINTED, Taint, is_untainted


class HoleInput(Late):
    """A parent that did not succeed; on the wire `{"hole": {…}}` where a value is `{"value": …}`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hole: Hole
    taint: Annotated[Taint, Field(exclude_if=is_untainted)] = UNTAINTED
    """Of its reason: whoever reads it reads the words of a fault."""


Source = Annotated[Payload | HoleInput, Field(union_mode="left_to_right")]
"""What an argument is read from. Each kind forbids the others' fields: the first that fits is the only one."""


class PageOf(Late):
    """Which page of an input a task is given; the others of its inputs it is given whole."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    plan: Payload
    """A `PagePlan`: where each page begins and ends."""
    number: int
    of: int


class SummariesOf(Late):
    """Summaries that stand in place of the pages of an input."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    plan: Payload
    """A `SummaryPlan`."""
    first: int
    """The number of the first page of this input."""
    summaries: tuple[Payload, ...]
    """A text for each of its pages."""


Cut = Annotated[PageOf | SummariesOf, Field(union_mode="left_to_right")]
"""What was done to an input. Each kind forbids the others' fields."""


class SystemOrder(Late):
    """What the worker itself is to do, in place of the agent's function."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["pages", "join", "summaries", "summary"]
    """`pages`: plan the pages of the inputs. `join`: make one list, or model of lists, of those it is given.
    `summaries`: plan whose pages are summarised. `summary`: make the summary of a page."""
    room: int | None = None
    """Of a plan: tokens, as we count them, that all inputs may have together, of a page or with the summaries."""


class TaskInput(Late):
    """One argument of the agent's function."""

    model_config = ConfigDict(frozen=True)
    name: str
    source: Source
    select: str | None = None
    """JMESPath, applied by the worker to the source's value; for a shard to the item."""
    item: int | None = None
    """For a shard: the item of the source, a manifest."""
    of: int | None = None
    """For a shard: how many items the source has."""
    gathered: tuple[Source, ...] | None = None
    """For the result of a map: one entry per shard, in order; `source` is then an empty list."""
    pages: tuple[Cut, ...] = ()
    """Of an input that is cut: what this task is given of it; each one is of what the one before left."""

    @property
    def tokens(self) -> int:
        """Tokens of the value, before `select`; of a shard's item its mean share of the whole list."""
        if self.gathered is not None:
            return sum(_tokens(entry) for entry in self.gathered)
        whole = _tokens(self.source)
        return whole if self.item is None else whole // max(1, self.of or 1)


def _tokens(source: Payload | HoleInput) -> int:
    return 0 if isinstance(source, HoleInput) else source.tokens


class TaskDispatched(Late):
    """An order to run one attempt. May come any number of times, in any order: claims make that harmless."""

    KIND: ClassVar[str] = "task.dispatched"
    model_config = ConfigDict(frozen=True, extra="ignore")
    task_id: str
    step: str
    agent: str
    attempt: int
    lane: int
    """The partition of the run log that the answer goes to."""
    inputs: tuple[TaskInput, ...] = ()
    inputs_ref: Reference | None = None
    """Instead of `inputs`, when these are over 64 KiB: the JSON list of TaskInput in the payload store."""
    wants: tuple[Want, ...] = ()
    contract: Contract
    window: int | None = None
    """The context window in tokens, as pinned by the run."""
    factor: int = 1000
    """Learned token factor, per mille."""
    deadline_ms: int
    """Epoch milliseconds: no attempt runs past it."""
    run_deadline_ms: int
    priority: int = 5
    pipeline: str = ""
    tenant: str | None = None
    budget: int | None = None
    """Tokens that the whole run may use."""
    budget_micros: int | None = None
    """Money that the whole run may cost, in millionths."""
    parents: tuple[str, ...] = ()
    """Traceparents of the tasks whose results are joined here, for span links."""
    earlier: str | None = None
    """Traceparent of the attempt before, for the link of a retry."""
    refused: PlanRefused | None = None
    """For a planner that is tried again: what was wrong with its last plan."""

    @property
    def tokens(self) -> int:
        """Tokens of all inputs, as their producers counted them: what a queue is measured in, no bound of a prompt."""
        if self.inputs_ref is not None:
            return self.inputs_ref.tokens
        return sum(given.tokens for given in self.inputs)


class SystemDispatched(TaskDispatched):
    """An order of an attempt at a task that was made under one that is too large: a plan of pages, a page, a merge.

    A kind of its own, with a version that older workers wait for: these would ignore what they don't know, and run
    the agent's function on the whole of the input.
    """

    KIND: ClassVar[str] = "task.system"
    system: SystemOrder | None = None
    """What the worker itself is to do; absent: run the agent's function, on the page or on what is to be merged."""
    reduced: tuple[Reduction, ...] = ()
    """What was done to its inputs so far, in the order in which it was done."""
