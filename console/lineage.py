"""Where each value of a run came from: what every task was given, as it was given, and who had made it. Pure.

The log is folded once more: just before a settle counts, the state says what its attempt was sent, also of an iteration
that the run has forgotten since.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from argosy.console.provenance import names_of, shards_of
from argosy.console.run_history import History, Logged
from argosy.console.system_words import plan_in, words
from argosy.coordinator.event import Event
from argosy.coordinator.fold import fold
from argosy.coordinator.inputs import Entry, Given, gathered, value_of
from argosy.coordinator.place import Place
from argosy.coordinator.plan import Plan
from argosy.coordinator.state import RunState
from argosy.coordinator.system_tasks import inputs_for, reduced_for
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.edges import INPUT
from argosy.schemas.ids import local_part
from argosy.schemas.pages import Reduction
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.schemas.task import HoleInput, SummariesOf

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
    readers: dict[str, dict[str, None]] = field(default_factory=dict[str, dict[str, None]])
    """By source: the tasks that were given something of it."""
    plans: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By the hash of a plan of pages: the tasks that made it."""

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


def lineage(history: History) -> Lineage:
    """Find who was given what, of whom. What came after an error of the fold is not in it."""
    found = Lineage()
    if history.accepted is None:
        return found
    found.input = history.accepted.input
    for local, reused in history.accepted.reused.items():
        if reused.payload is not None:
            found.nodes[local] = Node(local, what=local, output=reused.payload, reused=True)
    state = _folded(found, history)
    if state is not None and state.get("plan") is not None:
        _taken_over(found, history, state)
        _outcome(found, history, state)
    for node in found.nodes.values():
        for fed in node.inputs:
            for source in fed.sources:
                found.readers.setdefault(source, {})[node.local] = None
    return found


def _folded(found: Lineage, history: History) -> RunState | None:
    """Fold the log, and look at the state before each settle."""
    state: RunState | None = None
    for logged in history.records:
        message = logged.message
        if isinstance(message, RunEnded):
            continue
        if isinstance(message, TaskSettled) and state is not None:
            _settled(found, history, state, logged, message)
        event = Event(logged.offset, logged.time_ms, history.run_id, message, logged.envelope.traceparent)
        try:
            state, _ = fold(state, event)
        except Exception:  # noqa: BLE001 - as `run_history`, which tells of it
            break
    return state


def hash_of(payload: Payload) -> str:
    """Return the SHA-256 of a value's JSON."""
    return canonical_hash(payload.value) if isinstance(payload, Inline) else payload.sha256


def _settled(found: Lineage, history: History, state: RunState, logged: Logged, settled: TaskSettled) -> None:
    local = local_part(settled.task_id)
    place = None if state.get("plan") is None else plan_in(state).find(local)
    if place is None:
        return
    node = found.nodes.get(local) or _node(found, history, state, place)
    counted = logged.offset not in history.moot
    by = logged.envelope.source
    node.attempts.append(Attempt(logged.offset, logged.time_ms, logged.envelope.cause, by, settled, counted))
    if not counted or node.output is not None:
        return
    if settled.outcome == "succeeded":
        node.output, node.offset = settled.result, logged.offset
        if node.role == "plan" and settled.result is not None:
            found.plans.setdefault(hash_of(settled.result), []).append(local)
    node.inputs = _inputs(found, state, place)
    node.reduced = reduced_for(state, place)
    found.nodes.pop(local, None)
    found.nodes[local] = node  # in the order in which outputs came


def _node(found: Lineage, history: History, state: RunState, place: Place) -> Node:
    accepted = history.accepted
    contracts = _contracts(accepted.pipeline) if accepted is not None else {}
    version, model = contracts.get(place.agent, ("", None))
    what = words(state, place)
    node = found.nodes[place.local] = Node(place.local, place.agent, model, version, what, place.role)
    return node


def _contracts(pipeline: CompiledPipeline) -> dict[str, tuple[str, str | None]]:
    return {name: (each.version, each.model) for name, each in pipeline.contracts().items()}


def _inputs(found: Lineage, state: RunState, place: Place) -> tuple[Fed, ...]:
    plan = plan_in(state)
    try:
        given, names = inputs_for(state, plan, place), names_of(state, plan, place)
    except (LookupError, TypeError):  # of a task that was never sent
        return ()
    return tuple(_fed(found, place.local, each, names.get(each.name, ())) for each in given)


def _fed(found: Lineage, local: str, given: Given, names: tuple[str, ...]) -> Fed:
    entries = (given.source,) if given.gathered is None else given.gathered
    named = names if len(names) == len(entries) else (CONSTANT,) * len(entries)
    parts = tuple(_part(found, name, entry) for name, entry in zip(named, entries, strict=True))
    summaries = tuple(
        Part(_summary(found, local, cut, number), payload)
        for cut in given.pages
        if isinstance(cut, SummariesOf)
        for number, payload in enumerate(cut.summaries, start=cut.first)
    )
    return Fed(given, parts, summaries)


def _part(found: Lineage, name: str, entry: Entry) -> Part:
    if isinstance(entry, HoleInput):
        return Part(local_part(entry.hole.task_id), entry)
    return Part(name if name in (CONSTANT, INPUT) else _who(found, name, entry), entry)


def _who(found: Lineage, name: str, payload: Payload) -> str:
    """Name the task that gave a step's value: of one cut into pages the last of these, of a loop the last time."""
    node = found.nodes.get(name)
    if node is not None and node.output is not None:
        return name
    below = [
        each.local
        for each in found.nodes.values()
        if each.output is not None and each.local.startswith((f"{name}/p", f"{name}~"))
    ]
    if below:
        same = [each for each in below if _is(found, each, payload)]
        return (same or below)[-1]
    if node is None:
        found.nodes[name] = Node(name, what=name, role="given", output=payload)
    elif node.output is None:
        node.output = payload
    return name


def _summary(found: Lineage, local: str, cut: SummariesOf, number: int) -> str:
    """Name the task that made a summary: it stands under the same task as the plan of it."""
    plans = found.plans.get(hash_of(cut.plan), [])
    own = [plan for plan in plans if local.startswith(f"{plan.rpartition('/p')[0]}/")]
    for plan in own or plans:
        above, _, round_ = plan.rpartition("/p")
        return f"{above}/p{int(round_) + 1}.{number}"
    return CONSTANT


def _is(found: Lineage, name: str, payload: Payload) -> bool:
    output = found.nodes[name].output
    return output is payload or (output is not None and hash_of(output) == hash_of(payload))


def _taken_over(found: Lineage, history: History, state: RunState) -> None:
    """Tell of the tasks whose results a replay took over: nobody settled them."""
    read = {source for each in found.nodes.values() for fed in each.inputs for source in fed.sources}
    for local, node in [entry for entry in found.nodes.items() if entry[1].reused]:
        place = plan_in(state).find(local)
        if place is None or state.task(local) is None:
            if local not in read:
                del found.nodes[local]
            continue
        told = _node(found, history, state, place)
        told.output, told.reused, told.inputs = node.output, True, _inputs(found, state, place)
    # What was taken over was there before anything ran.
    found.nodes = dict(sorted(found.nodes.items(), key=lambda entry: not entry[1].reused))


def _outcome(found: Lineage, history: History, state: RunState) -> None:
    ended = history.ended
    if ended is None or ended.outcome != "succeeded":
        return
    found.outcome = tuple(_outcome_parts(found, state, plan_in(state)))


def _outcome_parts(found: Lineage, state: RunState, plan: Plan) -> Iterator[Part]:
    step = plan.steps[plan.result.source]
    try:
        if step.is_map:
            for name, entry in zip(shards_of(state, plan, step), gathered(state, plan, step), strict=True):
                yield _part(found, name, entry)
        else:
            yield _part(found, step.name, value_of(state, step.name))
    except LookupError:
        return
