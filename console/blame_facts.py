"""What blame finds: who made a value, who lost it, whom to suspect. Data, for people and for programs."""

from dataclasses import dataclass, field
from typing import Literal

from argosy.console.context_view import InputShown
from argosy.console.figures import Contradiction
from argosy.schemas.fault import Fault
from argosy.schemas.hole import HoleOutcome
from argosy.schemas.pages import Reduction
from argosy.schemas.taint import Taint

Verdict = Literal["made", "given", "written", "lost", "nowhere", "suspects"]
"""A task made it; it came with the run's input; the author wrote it down as a constant of the pipeline; it was there,
and the outcome hasn't got it; no value of the run has it; nothing was asked about: whom to suspect."""


@dataclass(frozen=True, slots=True)
class AttemptTold:
    """One settle of a task. `counted`: it changed the run; else it was a repeat, or came too late."""

    offset: int
    attempt: int
    outcome: str
    deliveries: int
    by: str
    counted: bool
    input_tokens: int
    output_tokens: int
    fault: Fault | None
    sha256: str | None
    has: bool | None
    """Whether its result has what is asked about; None: nothing is, or there is no result."""


@dataclass(frozen=True, slots=True)
class InputTold:
    """One input as the task got it, whose it was, and whether it has what is asked about."""

    given: InputShown
    sources: tuple[str, ...]
    select: str | None
    taint: Taint
    has: bool | None
    text: str = ""
    """The words around it."""


@dataclass(frozen=True, slots=True)
class HoleTold:
    """An input that was missing, or part of one."""

    input: str
    task: str
    outcome: HoleOutcome
    reason: str


@dataclass(frozen=True, slots=True)
class TaskTold:
    """A task: who did it, how often it was tried, what it was given and what it gave."""

    task: str
    what: str
    agent: str
    model: str | None
    version: str
    offset: int | None
    """Of the record that gave its output."""
    reused: bool
    attempts: tuple[AttemptTold, ...]
    inputs: tuple[InputTold, ...]
    holes: tuple[HoleTold, ...]
    reduced: tuple[Reduction, ...]
    """What was done to its inputs before it got them."""
    sha256: str | None
    tokens: int
    taint: Taint
    text: str = ""
    """The words of its output around what is asked about."""
    contradictions: tuple[Contradiction, ...] = ()
    unsupported: tuple[str, ...] = ()
    """Figures of its output that none of its inputs has."""
    gone: tuple[str, ...] = ()
    """Values of it that are no longer to be had."""


@dataclass(frozen=True, slots=True)
class Link:
    """A step of the way: a task got it in an input, and gave it on. The last one, without a task, is the outcome."""

    task: str
    agent: str
    input: str
    how: str
    source: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a figure, of what is asked about, and who first had it: a task, `input`, or a constant (empty)."""

    text: str
    made_by: str


@dataclass(frozen=True, slots=True)
class Lost:
    """A task that had it in an input, and gave it on no more; or that was not given the part in which it stood."""

    task: TaskTold
    input: str
    how: Literal["dropped", "not_given"]
    before: int
    """Tokens of that input."""
    after: int
    """Tokens of the task's output."""
    text: str
    """The words of the input around it."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A task on which the outcome depends, with what speaks against it."""

    task: TaskTold
    score: int
    reasons: tuple[str, ...]


@dataclass(slots=True)
class Blame:
    """Who made what the outcome has, or lost what it hasn't."""

    run_id: str
    outcome: str
    """`active` of a run that hasn't ended."""
    about: str
    """What is asked about, in words; empty: nothing."""
    path: str
    """The field of the outcome whose value it is; empty: it was given as a text."""
    verdict: Verdict
    made_by: tuple[TaskTold, ...] = ()
    """Who first had it in an output and in no input, in the order of the log. The first one is to blame."""
    in_input: bool = False
    """The run's input has it."""
    in_outcome: bool = False
    recorded: tuple[str, ...] = ()
    """Logged memos and signals that hold it, with their offsets."""
    way: tuple[Link, ...] = ()
    """From who made it to the outcome, or as far as it came."""
    pieces: tuple[Piece, ...] = ()
    """Of what has several sentences or fields: where each comes from. Empty where there are too many."""
    lost: tuple[Lost, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    fault: Fault | None = None
    """Why the run did not succeed."""
    gone: tuple[str, ...] = ()
    """Values that are no longer to be had: what is told may lack something."""
    skipped: int = 0
    """Tasks whose values were not looked at, as there are so many."""
    fold_error: str = ""
    notes: list[str] = field(default_factory=list[str])
