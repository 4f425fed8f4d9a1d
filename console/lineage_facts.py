"""What is known of a run's tasks: what each was given, of whom, and what it gave. Pure data."""

from dataclasses import dataclass, field

from argosy.coordinator.inputs import Entry, Given
from argosy.coordinator.state import RunState
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.pages import Reduction
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.runlog import TaskSettled

CONSTANT = ""
"""The source of what the author wrote down."""


@dataclass(frozen=True, slots=True)
class Part:
    """One value of an input, and whose it is: a task's, by its name in the run; the run's `input`; a constant."""

    source: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Fed:
    """One argument of a task: how it was given, and the values that it was made of."""

    given: Given
    parts: tuple[Part, ...]
    summaries: tuple[Part, ...] = ()
    """What stands in place of parts of them."""

    @property
    def sources(self) -> tuple[str, ...]:
        """Whose values they are, each once."""
        return tuple(dict.fromkeys(part.source for part in (*self.parts, *self.summaries)))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One settle of a task. `counted`: it changed the run; else it was a repeat, or came too late."""

    offset: int
    time_ms: int
    cause: int | None
    by: str
    settled: TaskSettled
    counted: bool


@dataclass(slots=True)
class Node:
    """A task of the run; or a step that has a value without one: a signal, an approval."""

    local: str
    agent: str = ""
    model: str | None = None
    version: str = ""
    """Of the agent, as the run pinned it."""
    what: str = ""
    """What it is in people's words; its name, of a task of the plan."""
    role: str = "task"
    inputs: tuple[Fed, ...] = ()
    reduced: tuple[Reduction, ...] = ()
    """What was done to its inputs before."""
    attempts: list[Attempt] = field(default_factory=list[Attempt])
    output: Payload | None = None
    offset: int | None = None
    """Of the record that gave its output."""
    reused: bool = False
    """Its output was taken over from the run that this one is a replay of."""


@dataclass(slots=True)
class Lineage:
    """All tasks of a run, in the order of the log, and of whose values its outcome was made."""

    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    input: Payload | None = None
    outcome: tuple[Part, ...] = ()
    """Empty: it has none (yet), or failed."""
    picked: str | None = None
    """The part of that which the run returns (JMESPath); None: the whole."""
    readers: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    """By source: the tasks that were given something of it."""
    plans: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By the hash of a plan of pages: the tasks that made it."""
    state: RunState | None = None
    """What the log folds to."""

    def upstream(self, *names: str) -> dict[str, Node]:
        """Find all tasks on which these depend, themselves too, in the order of the log."""
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name in seen or name not in self.nodes:
                continue
            seen.add(name)
            waiting += [source for fed in self.nodes[name].inputs for source in fed.sources]
        return {name: node for name, node in self.nodes.items() if name in seen}


def hash_of(payload: Payload) -> str:
    """Return the SHA-256 of a value's JSON."""
    return canonical_hash(payload.value) if isinstance(payload, Inline) else payload.sha256
