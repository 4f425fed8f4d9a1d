"""Bodies of messages, rebuilt from state: a commit names what it owes by id only. Always the same bytes."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from pydantic import TypeAdapter
from pydantic_core import from_json, to_json

from argosy.coordinator.edge import budget_of
from argosy.coordinator.inputs import Entry, Given, over_of
from argosy.coordinator.kept import Outcome
from argosy.coordinator.orders import Alike, Order, ShardOrders
from argosy.coordinator.outcome import result_of_run
from argosy.coordinator.place import Place
from argosy.coordinator.plan import Plan
from argosy.coordinator.planned_steps import plan_refused, steps_under
from argosy.coordinator.run_plan import plan_in
from argosy.coordinator.state import RunState
from argosy.coordinator.step_plan import StepPlan, fixed_of, iteration_of
from argosy.coordinator.system_tasks import (
    factor_for,
    inputs_for,
    order_for,
    reduced_for,
    sources,
    wants_for,
)
from argosy.schemas.pages import Reduction
from argosy.schemas.result import Full, SubmitRefused
from argosy.schemas.runlog import RunEnded
from argosy.schemas.task import Cut, HoleInput, PageOf, SystemDispatched, TaskDispatched

_REDUCED: Final = TypeAdapter(tuple[Reduction, ...])
MOST_LINKS = 128
"""Traceparents of joined tasks in one dispatch: a span holds no more links than that by default."""


def dispatch_of(
    state: RunState | None, local: str, attempt: int, lane: int, alike: Alike | None = None
) -> Order | None:
    """Rebuild a dispatch; None if it is moot.

    It is moot when the run is not active, or this attempt is not the one that may go out. Always the same bytes,
    but for a budget that was raised meanwhile: those that `encode_body` would make of the same body.
    """
    if state is None or state.st != "active":
        return None
    task = state.task(local)
    if task is None or task.letter != "r" or task.attempt != attempt:
        return None
    alike = Alike() if alike is None else alike
    known = alike.shard(state.run_id, local, task.cause) if attempt == 1 else None
    if known is not None:
        return known
    plan = plan_in(state)
    place = plan.find(local)
    if place is None:
        return None
    step, agent = place.step, place.agent
    inputs, joined = inputs_for(state, plan, place), _joined(state, plan, place)
    parents = _traceparents(state, joined) if joined else ()
    kind = TaskDispatched if place.system is None else SystemDispatched
    # A model built, checked and written again would cost three times as much, for every task of every run.
    head = f'{{"task_id":"{state.run_id}/'.encode()
    middle = f'","step":"{step.name}","agent":"{agent}","attempt":{attempt},"lane":{lane},'.encode()
    tail = b"".join((
        step.fixed if place.system is None else fixed_of(wants_for(state, place), place.terms),
        _terms(state, plan, place, alike),
        b',"parents":%b' % to_json(parents) if parents else b"",
        b"" if task.earlier is None else b',"earlier":%b' % to_json(task.earlier),
        b""
        if attempt == 1 or (refused := plan_refused(state, place)) is None
        else b',"refused":%b' % refused,
        b"}" if place.system is None else _system(state, place),
    ))  # fmt: skip
    given = b'"inputs":[%b],' % b",".join(_input(state, each) for each in inputs) if inputs else b""
    value = b"".join((head, local.encode(), middle, given, tail))
    order = Order(kind, value, agent, step.name, task.cause, state.pinned.traceparent, inputs, len(joined))
    if attempt == 1 and place.system is None and place.shard is not None:
        _keep(state, place.step, alike, (head, middle, tail), order)
    return order


def _keep(
    state: RunState, step: StepPlan, alike: Alike, parts: tuple[bytes, bytes, bytes], order: Order
) -> None:
    """Keep how the shards of a map are ordered, if they differ but in the number of the item that each is given."""
    over, (head, middle, tail) = over_of(step).name, parts
    for at, given in enumerate(order.inputs):
        if given.name == over and given.item is not None:
            texts = [_input(state, each) for each in order.inputs]
            before = _input(state, given._replace(item=None, of=None))[:-1]
            lead = b",".join((*texts[:at], before))
            rest = b",".join((b',"of":%d}' % (given.of or 0), *texts[at + 1 :]))
            shards = ShardOrders(
                head, b'%b"inputs":[%b,"item":' % (middle, lead), b"%b],%b" % (rest, tail), order
            )
            alike.keep(state.run_id, step.name, shards)


def _terms(state: RunState, plan: Plan, place: Place, alike: Alike) -> bytes:
    """Write what a dispatch says of its run, and of its agent in it."""
    until_ms = _until_ms(state, plan, place.step)
    key = state.run_id, place.agent, until_ms
    known = alike.terms.get(key) if place.system is None else None
    if known is not None:
        return known
    pinned = state.pinned
    window, factor = pinned.windows.get(place.agent), factor_for(state, place)
    budget, micros = budget_of(state)
    terms = b"".join((
        b"" if window is None else b',"window":%d' % window,
        b"" if factor == 1000 else b',"factor":%d' % factor,  # noqa: PLR2004 - the default
        b',"deadline_ms":%d,"run_deadline_ms":%d' % (until_ms, pinned.deadline_ms),
        b"" if pinned.priority == 5 else b',"priority":%d' % pinned.priority,  # noqa: PLR2004 - the default
        b',"pipeline":"%b"' % plan.title.encode(),
        b"" if pinned.tenant is None else b',"tenant":%b' % to_json(pinned.tenant),
        b"" if budget is None else b',"budget":%d' % budget,
        b"" if micros is None else b',"budget_micros":%d' % micros,
    ))  # fmt: skip
    if place.system is None:
        alike.terms[key] = terms
    return terms


def _until_ms(state: RunState, plan: Plan, step: StepPlan) -> int:
    """Say when a task's time is up: at the run's deadline, its step's, or that of a step which it lies in."""
    until_ms = state.pinned.deadline_ms
    while True:
        due_ms = state.step(step.name).due_ms
        if due_ms is not None:
            until_ms = min(until_ms, due_ms)
        if step.owner is None:
            return until_ms
        step = plan.steps[step.owner]


def _system(state: RunState, place: Place) -> bytes:
    order, reduced = order_for(state, place), reduced_for(state, place)
    parts = [] if order is None else [b',"system":%b' % order.model_dump_json(exclude_defaults=True).encode()]
    if reduced:
        parts.append(b',"reduced":%b' % _REDUCED.dump_json(reduced, exclude_defaults=True))
    return b"".join((*parts, b"}"))


def _input(state: RunState, given: Given) -> bytes:
    parts = [b'{"name":%b,"source":%b' % (to_json(given.name), _entry(state, given.source))]
    if given.select is not None:
        parts.append(b',"select":%b' % to_json(given.select))
    if given.item is not None:
        parts.append(b',"item":%d' % given.item)
    if given.of is not None:
        parts.append(b',"of":%d' % given.of)
    if given.gathered is not None:
        parts.append(b',"gathered":[%b]' % b",".join(_entry(state, entry) for entry in given.gathered))
    if given.pages:
        parts.append(b',"pages":[%b]' % b",".join(_cut(state, cut) for cut in given.pages))
    return b"".join((*parts, b"}"))


def _cut(state: RunState, cut: Cut) -> bytes:
    plan = state.json_of(cut.plan)
    if isinstance(cut, PageOf):
        return b'{"plan":%b,"number":%d,"of":%d}' % (plan, cut.number, cut.of)
    summaries = b",".join(map(state.json_of, cut.summaries))
    return b'{"plan":%b,"first":%d,"summaries":[%b]}' % (plan, cut.first, summaries)


def _entry(state: RunState, entry: Entry) -> bytes:
    return entry.model_dump_json().encode() if isinstance(entry, HoleInput) else state.json_of(entry)


def ended_of(state: RunState | None) -> RunEnded | None:
    """Rebuild `run.ended` of a run whose outcome is decided; None if there is nothing to append.

    A result that is a reference of shape `manifest` was made here: `outcome.manifest_of` gives its bytes,
    to be put into the payload store before the record is produced.
    """
    if state is None or state.st != "ending":
        return None
    outcome = Outcome.model_validate_json(state.get("end") or b"")
    pinned, plan = state.pinned, plan_in(state)
    usage, tasks = state.totals()
    return RunEnded(
        outcome=outcome.outcome,
        data_hash=pinned.data_hash,
        pipeline=plan.title,
        result=result_of_run(state, plan) if outcome.outcome == "succeeded" else None,
        fault=outcome.fault,
        usage=usage,
        tasks=tasks,
        accepted_ms=pinned.accepted_ms,
    )


def result_of(state: RunState | None) -> RunEnded | None:
    """Return the `run.ended` that was folded, from its tombstone; None for any other state."""
    found = written_result(state)
    return None if found is None else RunEnded.model_validate_json(found[1])


def written_result(state: RunState | None) -> tuple[str, bytes] | None:
    """Return the outcome and the body of the `run.ended` that was folded, byte for byte; None as `result_of`."""
    kept = state.get("end") if state is not None and state.st == "ended" else None
    if kept is None:
        return None
    return str(from_json(kept)["outcome"]), kept


def refusal_of(state: RunState | None, position: str) -> SubmitRefused:
    """Say why fold refused the submit at this position: its id is taken, or it came too late to tell."""
    if state is None or state.st == "cancel":
        message = "this submit was received so late that the run may have ended and been forgotten"
        return SubmitRefused(reason="too_late", message=message, position=position)
    message = "this run id is taken by a run with other data; repeat a submit unchanged, or choose another id"
    return SubmitRefused(reason="conflict", message=message, position=position)


def turned_away(position: str, full: Full) -> SubmitRefused:
    """Say that the fleet is full."""
    return SubmitRefused(reason="busy", message=full.said, position=position, full=full)


def busy_of(entry: str) -> SubmitRefused:
    """Rebuild a refusal as busy from its outbox entry, which holds all of it: the run is none of ours."""
    position, _, full = entry.partition(" ")
    return turned_away(position, Full.model_validate_json(full))


def _joined(state: RunState, plan: Plan, place: Place) -> list[str]:
    """Name the tasks whose results a task joins, in declared order."""
    step, locals_ = place.step, list[str]()
    if place.system is not None and (locals_ := list(islice(sources(state, place), MOST_LINKS))):
        return locals_
    if not step.parents and step.owner is not None and plan.steps[step.owner].allowed is not None:
        return [step.owner]
    while not step.parents and step.owner is not None:
        iteration = iteration_of(step.name)
        step = plan.steps[step.owner]
        if iteration is not None and iteration[1] > 1:
            return [step.iteration(iteration[1] - 1)]
    for name in step.parents:
        parent = plan.steps[name]
        if parent.is_one_task:
            locals_.append(name)
        else:
            locals_ += islice(_results(state, plan, parent), MOST_LINKS)
    return locals_[:MOST_LINKS]


def _traceparents(state: RunState, locals_: list[str]) -> tuple[str, ...]:
    """Give the traceparents of tasks, each once: where a run isn't sampled all have one."""
    found = (_traceparent(state, local) for local in locals_)
    return tuple(dict.fromkeys(traceparent for traceparent in found if traceparent is not None))


def _results(state: RunState, plan: Plan, step: StepPlan) -> Iterator[str]:
    """Name the tasks whose results a step's value is made of."""
    while step.inside is not None:
        step = plan.steps[step.inside.returns]
    if step.allowed is not None:
        yield from steps_under(state, step)
    for shard in range(state.step(step.name).length if step.is_map else 0):
        if step.is_each:
            yield from _results(state, plan, plan.steps[step.local(shard)])
        else:
            yield step.local(shard)
    if not step.is_map:
        yield step.name


def _traceparent(state: RunState, local: str) -> str | None:
    return state.result(local).traceparent if state.has_result(local) else None
