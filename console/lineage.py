"""Where each value of a run came from: what every task was given, as it was given, and who had made it. Pure.

The log is folded once more: just before a settle counts, the state says what its attempt was sent, also of an iteration
that the run has forgotten since.
"""

from collections.abc import Iterator

from argosy.console.lineage_facts import CONSTANT, Attempt, Fed, Lineage, Node, Part, hash_of
from argosy.console.planned_words import planned_under
from argosy.console.provenance import names_of, shards_of
from argosy.console.run_history import History, Logged, folded
from argosy.console.system_words import plan_in, words
from argosy.coordinator.allowed import made_by, planner_of
from argosy.coordinator.inputs import EMPTY, Entry, Given, gathered, planned_entries, value_of
from argosy.coordinator.kept import TERMINAL, TaskResult
from argosy.coordinator.place import Place
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned import refused
from argosy.coordinator.state import RunState
from argosy.coordinator.system_tasks import inputs_for, reduced_for
from argosy.schemas.edges import INPUT
from argosy.schemas.ids import local_part
from argosy.schemas.payload import Inline, Payload
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.schemas.task import HoleInput, SummariesOf


def lineage(history: History) -> Lineage:
    """Find who was given what, of whom. What came after an error of the fold is not in it."""
    found = Lineage()
    if history.accepted is None:
        return found
    found.input = history.accepted.input
    for local, reused in history.accepted.reused.items():
        if reused.payload is not None:
            found.nodes[local] = Node(local, what=local, output=reused.payload, reused=True)
    state = found.state = _folded(found, history)
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
        after = folded(history.run_id, state, logged)
        if isinstance(after, Exception):
            break  # `history.broken` tells of it
        state, _ = after
    return state


def _settled(found: Lineage, history: History, state: RunState, logged: Logged, settled: TaskSettled) -> None:
    local = local_part(settled.task_id)
    if (planner := planner_of(local)) is not None and logged.offset not in history.moot:
        found.nodes[local] = _all_planned(found, state, planner, logged.offset, settled)
        return
    place = None if state.get("plan") is None else plan_in(state).find(local)
    if place is None:
        return
    node = found.nodes.get(local) or _node(found, history, state, place)
    counted = logged.offset not in history.moot and not _is_over(state, local)
    by = logged.envelope.source
    node.attempts.append(Attempt(logged.offset, logged.time_ms, logged.envelope.cause, by, settled, counted))
    if not counted or node.output is not None:
        return
    if settled.outcome == "succeeded" and not _is_refused(place, settled):
        node.output, node.offset = settled.result, logged.offset
        if node.role == "plan" and settled.result is not None:
            found.plans.setdefault(hash_of(settled.result), []).append(local)
    node.inputs = _inputs(found, state, place)
    node.reduced = reduced_for(state, place)
    found.nodes.pop(local, None)
    found.nodes[local] = node  # in the order in which outputs came


def _is_over(state: RunState, local: str) -> bool:
    """Say whether a task has ended: what an attempt used still counts for the run then, what it gave does not."""
    task = state.task(local)
    return task is not None and task.letter in TERMINAL


def _is_refused(place: Place, settled: TaskSettled) -> bool:
    """Say whether a planner gave what is no plan that may be run: to its run that attempt failed."""
    if place.system is not None or place.step.allowed is None:
        return False
    payload = settled.result or Inline(value=None, bytes=4, tokens=1)
    return refused(place.step, TaskResult(payload=payload, facts=settled.facts)) is not None


def _all_planned(found: Lineage, state: RunState, planner: str, offset: int, settled: TaskSettled) -> Node:
    """Make a node of what the tasks of a planner's plan gave, all together: the lane made one value of it."""
    plan = plan_in(state)
    keys = tuple(name.rpartition("/")[2] for name in planned_under(state, planner))
    entries = planned_entries(state, plan, plan.steps[planner], keys)
    given = Given(planner, EMPTY, gathered=entries)
    fed = _fed(found, planner, given, tuple(f"{planner}/{key}" for key in keys))
    what = f"what the tasks of {planner} gave"
    node = Node(made_by(planner), what=what, role="gathered", inputs=(fed,))
    node.output, node.offset = settled.result, offset
    return node


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
    if made_by(name) in found.nodes and _is(found, made_by(name), payload):
        return made_by(name)
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
    plan = plan_in(state)
    found.outcome, found.picked = tuple(_outcome_parts(found, state, plan)), plan.result.select


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
