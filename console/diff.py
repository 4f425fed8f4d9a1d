"""Two runs side by side: the first task that gave something else for the same input, and what follows from it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from argosy.console.diff_open import ToCome
from argosy.console.lineage import lineage
from argosy.console.lineage_facts import Fed, Node, hash_of
from argosy.console.run_history import History
from argosy.console.sameness import alike
from argosy.schemas.payload import Payload
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.task import HoleInput

How = Literal[
    "same", "differs", "follows", "agrees", "only_left", "only_right", "open_left", "open_right", "open_both"
]
"""Of a task in both runs: same input and output; same input, other output; other input and output; other input, same
output. Of a task in one only: which. `open_…`: it isn't done yet in a run that goes on."""
OPEN: Final[frozenset[How]] = frozenset({"open_left", "open_right", "open_both"})
HOW: Final[dict[How, str]] = {
    "same": "same input, same output",
    "differs": "same input, another output",
    "follows": "another input, another output",
    "agrees": "another input, same output",
    "only_left": "only in the first run",
    "only_right": "only in the second run",
    "open_left": "not done yet in the first run",
    "open_right": "not done yet in the second run",
    "open_both": "done in neither run yet",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a task went in one of the runs."""

    agent: str
    model: str | None
    version: str
    outcome: str
    """`active` of one that isn't done yet."""
    attempts: int
    sha256: str | None
    tokens: int
    reused: bool


@dataclass(frozen=True, slots=True)
class TaskDiff:
    """One task of both."""

    task: str
    how: How
    left: Ran | None
    right: Ran | None
    inputs: tuple[str, ...] = ()
    """Inputs that differ."""
    work: tuple[str, ...] = ()
    """What is different in who did it: `agent`, or terms of its contract, such as `model`."""
    because: tuple[str, ...] = ()
    """The tasks with other outputs, or `input`, of which its differing inputs are made."""


@dataclass(frozen=True, slots=True)
class StepDiff:
    """A step that is not the same in both pipelines."""

    step: str
    how: Literal["changed", "only_left", "only_right"]
    terms: tuple[str, ...] = ()


@dataclass(slots=True)
class Diff:
    """All that is different."""

    left: str
    right: str
    pipelines: tuple[str, str]
    """`name@version` of each."""
    steps: list[StepDiff]
    same_input: bool
    outcomes: tuple[str, str]
    """`active` of a run that hasn't ended."""
    same_outcome: bool
    replay: str = ""
    """The one that is a replay of the other."""
    tasks: list[TaskDiff] = field(default_factory=list[TaskDiff])
    """In the order of the second run's log; what is only in the first stands at the end."""
    first: TaskDiff | None = None
    """The first task whose output differs, or that ended differently, with the same input."""


Items = Mapping[str, Sequence[str]]
"""By the hash of a list that a map spreads: the hashes of its items; see `diff_items`."""


def diff(left: History, right: History, items: Items | None = None) -> Diff:
    """Compare two runs, by the hashes of what their tasks were given and gave.

    Without `items`, a shard's input differs wherever the list that it is an item of does.
    """
    lists: Items = items or {}
    one, two = lineage(left), lineage(right)
    found = Diff(
        left.run_id,
        right.run_id,
        (_title(left), _title(right)),
        list(_steps(left, right)),
        _same(one.input, two.input),
        (_outcome(left), _outcome(right)),
        _outcome(left) == _outcome(right) and _result(left) == _result(right),
    )
    for run, of in ((left, right), (right, left)):
        if run.accepted is not None and run.accepted.replay_of is not None:
            found.replay = run.run_id if run.accepted.replay_of.run_id == of.run_id else found.replay
    changed: set[str] = set() if found.same_input else {"input"}
    to_come = ToCome.of(left, one.state), ToCome.of(right, two.state)
    for name, node in two.nodes.items():
        told = _task(one.nodes.get(name), node, changed, lists)
        told = _unless_open(told, one.nodes.get(name), node, to_come)
        if told.left is not None and told.right is not None:
            told = replace(told, work=_work(told.left.agent, left, told.right.agent, right))
        if told.how not in ("same", "agrees"):
            changed.add(name)
        found.tasks.append(told)
    found.tasks += [
        _unless_open(TaskDiff(name, "only_left", _ran(node), None), node, None, to_come)
        for name, node in one.nodes.items()
        if name not in two.nodes
    ]
    found.first = next((each for each in found.tasks if each.how == "differs"), None)
    return found


def _unless_open(
    told: TaskDiff, one: Node | None, two: Node | None, to_come: tuple[ToCome, ToCome]
) -> TaskDiff:
    """Say of a task that a run may still do that it isn't done, whatever its attempts gave so far."""
    left, right = (
        (node is None or node.output is None) and told.task in runs
        for node, runs in zip((one, two), to_come, strict=True)
    )
    if not left and not right:
        return told
    return replace(
        told,
        how="open_both" if left and right else "open_left" if left else "open_right",
        left=replace(told.left, outcome="active") if left and told.left is not None else told.left,
        right=replace(told.right, outcome="active") if right and told.right is not None else told.right,
    )


def _task(one: Node | None, two: Node, changed: set[str], lists: Items) -> TaskDiff:
    name = two.local
    if one is None:
        return TaskDiff(name, "only_right", None, _ran(two))
    other = _other_inputs(one, two, lists)
    same = _ran(one).sha256 == _ran(two).sha256 and _ended(one) == _ended(two)
    how: How = ("agrees" if same else "follows") if other else ("same" if same else "differs")
    because = [source for fed in two.inputs if fed.given.name in other for source in fed.sources]
    known = tuple(dict.fromkeys(source for source in because if source in changed))
    return TaskDiff(name, how, _ran(one), _ran(two), other, because=known)


def _other_inputs(one: Node, two: Node, lists: Items) -> tuple[str, ...]:
    left = {fed.given.name: _sign(fed, lists) for fed in one.inputs}
    right = {fed.given.name: _sign(fed, lists) for fed in two.inputs}
    return tuple(name for name in dict.fromkeys((*left, *right)) if left.get(name) != right.get(name))


def _sign(fed: Fed, lists: Items) -> tuple[object, ...]:
    """Make what is the same for the same value: hashes of its parts, and what is taken of them."""
    parts = tuple(_entry(part.entry) for part in (*fed.parts, *fed.summaries))
    item = fed.given.item
    if item is not None and len(parts) == 1 and item < len(hashes := lists.get(parts[0], ())):
        parts, item = (hashes[item],), None
    cuts = tuple(hash_of(cut.plan) for cut in fed.given.pages)
    numbers = tuple(getattr(cut, "number", None) for cut in fed.given.pages)
    return (fed.given.select, item, parts, cuts, numbers)


def _entry(entry: Payload | HoleInput) -> str:
    return f"hole {entry.hole.outcome}" if isinstance(entry, HoleInput) else hash_of(entry)


def _work(one: str, left: History, two: str, right: History) -> tuple[str, ...]:
    if left.accepted is None or right.accepted is None:
        return ()
    return _terms(left.accepted.pipeline, one, right.accepted.pipeline, two)


def _ran(node: Node) -> Ran:
    return Ran(
        node.agent,
        node.model,
        node.version,
        _ended(node),
        max((each.settled.attempt for each in node.attempts), default=0),
        None if node.output is None else hash_of(node.output),
        0 if node.output is None else node.output.tokens,
        node.reused,
    )


def _ended(node: Node) -> str:
    if node.output is not None:
        return "succeeded"
    return next((each.settled.outcome for each in reversed(node.attempts) if each.counted), "none")


def _steps(left: History, right: History) -> list[StepDiff]:
    if left.accepted is None or right.accepted is None:
        return []
    old, new = left.accepted.pipeline, right.accepted.pipeline
    before, after = {each.name: each for each in old.steps}, {each.name: each for each in new.steps}
    found: list[StepDiff] = []
    for name in dict.fromkeys((*before, *after)):
        if name not in before or name not in after:
            found.append(StepDiff(name, "only_left" if name in before else "only_right"))
        elif not alike(old, before[name], new, after[name]) or before[name].pipeline != after[name].pipeline:
            found.append(StepDiff(name, "changed", _terms(old, before[name].agent, new, after[name].agent)))
    return found


def _terms(old: CompiledPipeline, one: str | None, new: CompiledPipeline, two: str | None) -> tuple[str, ...]:
    """Name what is another: the agent, and terms of its contract."""
    before, after = (
        {} if name not in contracts else contracts[name].model_dump(mode="json")
        for name, contracts in ((one or "", old.contracts()), (two or "", new.contracts()))
    )
    named = () if one == two else ("agent",)
    return (*named, *(key for key in before | after if before.get(key) != after.get(key)))


def _title(history: History) -> str:
    accepted = history.accepted
    return "" if accepted is None else f"{accepted.pipeline.name}@{accepted.pipeline.version}"


def _outcome(history: History) -> str:
    return "active" if history.ended is None else history.ended.outcome


def _result(history: History) -> str | None:
    ended = history.ended
    return None if ended is None or ended.result is None else hash_of(ended.result)


def _same(one: Payload | None, two: Payload | None) -> bool:
    return one is not None and two is not None and hash_of(one) == hash_of(two)
