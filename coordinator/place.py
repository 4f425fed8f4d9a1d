"""Where a task stands: a step of the plan, a shard of it, or a system task under another task."""

from dataclasses import dataclass
from typing import Literal

from argosy.coordinator.step_plan import Merge, StepPlan
from argosy.schemas.contract import Contract

Role = Literal["task", "plan", "page", "merge", "summary", "whole"]
"""What a task is: one of the plan's; or of one that is too large the plan of its pages, a page, a merge of pages, the
summary of a page, the whole with summaries in place of what was too large."""


@dataclass(frozen=True, slots=True)
class System:
    """A system task: which one, of the task that it was made for."""

    above: "Place"
    round: int
    """Cut into pages: 0 plans them, 1 are the pages, the others merge. Summarised: even ones plan, odd ones are the
    summaries; an even one may end it with the whole."""
    number: int | None
    """None: the only one of its kind, that plans."""


@dataclass(slots=True)
class Place:
    """A task's place: in the plan its step, and its shard if that is a map; of a system task also what it is.

    Nobody changes one; frozen, it would be four times as dear.
    """

    step: StepPlan
    shard: int | None = None
    system: System | None = None

    @property
    def local(self) -> str:
        """Name the task inside its run."""
        if self.system is None:
            return self.step.name if self.shard is None else f"{self.step.name}.{self.shard}"
        return self.group if self.system.number is None else f"{self.group}.{self.system.number}"

    @property
    def group(self) -> str:
        """Name the step, or the round, whose tasks are numbered."""
        return self.step.name if self.system is None else f"{self.system.above.local}/p{self.system.round}"

    @property
    def number(self) -> int | None:
        """Its number in the group; None for the only one."""
        return self.shard if self.system is None else self.system.number

    @property
    def role(self) -> Role:
        """Say what it is."""
        if self.system is None:
            return "task"
        if self.system.number is None:
            return "plan"
        if self.step.terms.above == "summarise":
            return "summary" if self.system.round % 2 else "whole"
        return "page" if self.system.round == 1 else "merge"

    @property
    def merge(self) -> Merge | None:
        """The agent that it is for, if that is to merge pages."""
        return self.step.work.merge if self.system is not None and self.role == "merge" else None

    @property
    def agent(self) -> str:
        """The agent whose workers run it."""
        if self.system is None:
            return self.step.agent
        return self.step.agent if self.merge is None else self.merge.agent

    @property
    def terms(self) -> Contract:
        """The contract that it runs by."""
        return self.step.terms if self.merge is None else self.merge.terms

    @property
    def depth(self) -> int:
        """How many tasks it lies under, each of which was cut."""
        return 0 if self.system is None else self.system.above.depth + 1
