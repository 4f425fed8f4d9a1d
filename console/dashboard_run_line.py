"""What the dashboard keeps of each run: little, as there may be a hundred thousand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from argosy.schemas.ids import step_of

RunState = Literal["active", "succeeded", "failed", "cancelled", "expired"]
STATES: Final[tuple[RunState, ...]] = ("active", "succeeded", "failed", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class Shape:
    """What is kept of a pipeline, once for all its runs. `agents` by a step's path (`c/review`); models by agent.

    `plans` are the paths of steps whose agents plan tasks.
    """

    pipeline: str
    version: str
    agents: Mapping[str, str]
    models: Mapping[str, str]
    waits: bool
    """It has a step that waits for a person, or for a signal."""
    plans: frozenset[str] = frozenset()

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two of them one."""
        return (
            self.pipeline,
            self.version,
            tuple(self.agents.items()),
            tuple(self.models.items()),
            self.waits,
            self.plans,
        )

    def agent(self, local: str) -> str | None:
        """Name the agent of a task by its name in the run; what a task made (pages) is its step's; None: not known."""
        path = path_of(local)
        while path:
            found = self.agents.get(path)
            if found is not None:
                return found
            path = path.rpartition("/")[0]
        return None


def path_of(local: str) -> str:
    """Name the step of a task: `c/review` of `c.7/review`."""
    return "/".join(step_of(part)[0].partition("~")[0] for part in local.split("/"))


@dataclass(slots=True, eq=False)
class RunLine:
    """One run. Times are epoch milliseconds; tokens and money are sums of what was told so far."""

    run_id: str
    shape: Shape
    lane: int
    offset: int
    """Of the record that accepted it: where its history begins."""
    accepted_ms: int
    last_ms: int
    tenant: str = ""
    priority: int = 5
    replay_of: str = ""
    asks: bool = False
    """It waits for a person when its budget is spent."""
    state: RunState = "active"
    ended_ms: int | None = None
    tasks: int = 0
    """Of the plan, as far as it is known: of an ended run all there were."""
    settled: int = 0
    failed: int = 0
    """Attempts that did not succeed."""
    input_tokens: int = 0
    output_tokens: int = 0
    micros: int = 0
    fault: str = ""
    """Why it did not succeed: code and the beginning of the message."""
    revision: int = 0
    """Grows with everything that is told of it."""
    heard: set[int] | None = None
    """While it is under way, and a while after: hashes of the attempts that were counted; a settle may come twice."""

    planned: dict[str, str] | None = None
    """Kept as long as that: the agents of tasks that were planned, by their names in the run."""

    def agent(self, local: str) -> str | None:
        """Name the agent of a task by its name in the run; None: not known."""
        lead = local if self.planned else ""
        while lead:
            found = (self.planned or {}).get(lead)
            if found is not None:
                return found
            lead = lead.rpartition("/")[0]
        return self.shape.agent(local)

    @property
    def pipeline(self) -> str:
        """The pipeline's name."""
        return self.shape.pipeline

    @property
    def waits(self) -> bool:
        """Whether it may wait for a person, or for a signal."""
        return self.asks or self.shape.waits

    def milliseconds(self, now_ms: int) -> int:
        """How long it took, or takes so far."""
        return max(0, (self.ended_ms or now_ms) - self.accepted_ms)
