"""The kinds of runs of a simulated load: what each is given, how it may end, what its result must be."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from argosy import Pipeline
from argosy.schemas.ids import local_part
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.testing.oracle import Finding, Story
from argosy.testing.world import World
from support.simulated_agents import (
    STEPS,
    WINDOW,
    Task,
    diamond,
    fatal,
    late,
    nested,
    outer,
    race,
    solo,
    spread,
    squeeze,
)

_LARGE = 70_000
Outcomes = frozenset[str]
_OK: Outcomes = frozenset({"succeeded"})
_CANCELLED: Outcomes = frozenset({"succeeded", "cancelled"})


@dataclass(frozen=True)
class Plan:
    """A run to be submitted."""

    pipeline: Pipeline[Any, Any]
    value: Any
    outcomes: Outcomes = _OK
    deadline_seconds: float = 900
    prefix: str = ""
    """What the names of its tasks begin with."""
    fault: str = ""
    """The code that it must fail with, if it fails and nothing was lost."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of its submit, beside deadline and priority."""


def _task(chance: random.Random, **more: str | int) -> Task:
    return Task.model_validate({"log": chance.random() < 0.5, **more})


def _items(chance: random.Random) -> list[int]:
    return list(range(chance.choice((0, 1, 3, 12))))


KINDS: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = {
    "ok": (4, lambda chance: Plan(diamond, _task(chance))),
    "flaky": (2, lambda chance: Plan(diamond, _task(chance, flaky=chance.choice(STEPS)))),
    "fail": (
        1,
        lambda chance: Plan(diamond, _task(chance, fail=chance.choice(STEPS)), frozenset({"failed"})),
    ),
    "slow": (1, lambda chance: Plan(diamond, _task(chance, slow=chance.choice(STEPS)))),
    "cancel": (1, lambda chance: Plan(diamond, _task(chance), _CANCELLED)),
    "cancel_early": (0.5, lambda chance: Plan(solo, _task(chance), _CANCELLED)),
    "short": (
        0.5,
        lambda chance: Plan(
            solo,
            _task(chance, slow="research"),
            # An attempt's own limit ends with its run; where Kafka was away, its failure may come before the timer.
            frozenset({"expired", "succeeded", "failed"}),
            chance.choice((1, 3, 5)),
        ),
    ),
    "solo": (4, lambda chance: Plan(solo, _task(chance))),
    "signal": (0.5, lambda chance: Plan(solo, _task(chance, slow="research"))),
    "large": (0.7, lambda chance: Plan(race, _task(chance, pad=_LARGE))),
    "fits": (0.3, lambda chance: Plan(squeeze, _task(chance))),
    "overflow": (
        0.7,
        lambda chance: Plan(
            squeeze,
            _task(chance, **chance.choice(({"pad": 2 * WINDOW}, {"pad": _LARGE}, {"measured": 2 * WINDOW}))),
            frozenset({"failed"}),
            fault="context_refused",
        ),
    ),
    "race": (1, lambda chance: Plan(race, _task(chance, fail=chance.choice(("", "research"))))),
    "late": (1, lambda chance: Plan(late, _task(chance, slow=chance.choice(("", "summarise"))))),
    "child": (1, lambda chance: Plan(outer, _task(chance), prefix="diamond/")),
    "spread": (2, lambda chance: Plan(spread, _items(chance))),
    "nested": (0.7, lambda chance: Plan(nested, _items(chance)[:5])),
    "fatal": (0.2, lambda _: Plan(fatal, 1)),
    "poison": (0.1, lambda _: Plan(fatal, 9, frozenset({"failed"}))),
}
"""By name: how often, and what."""


def draw_kind(
    chance: random.Random, kinds: Mapping[str, tuple[float, Callable[[random.Random], Plan]]] = KINDS
) -> tuple[str, Plan]:
    """Draw a run."""
    kind = chance.choices(list(kinds), [weight for weight, _ in kinds.values()])[0]
    return kind, kinds[kind][1](chance)


def wrong_fault(run_id: str, plan: Plan, end: RunEnded) -> Iterator[Finding]:
    """Judge that a run which has to fail failed for its own reason; a payload that is gone is one for each."""
    if plan.fault and end.fault is not None and end.fault.code not in {plan.fault, "payload_gone"}:
        yield Finding("wrong fault", f"{run_id}: {end.fault}")


def judged(run_id: str, plan: Plan, story: Story, world: World) -> Iterator[Finding]:
    """Judge a run's result: that it was made of the accepted results, in their order."""
    end = story.ended[0]
    result = loaded(end, world)
    yield from wrong_fault(run_id, plan, end)
    if end.outcome != "succeeded" or not isinstance(result, dict):
        return
    accepted = {local: _value(loaded(settled, world)) for local, settled in first_successes(story).items()}
    if plan.pipeline in {spread, nested}:
        step = "shard.{}" if plan.pipeline is spread else "pair.{}/polish"
        wanted = [accepted.get(step.format(number)) for number in range(len(plan.value))]
        found = result["values"]
        assert isinstance(found, list)
        order = [wanted.index(value) if value in wanted else -1 for value in found]
        if order != sorted(order) or -1 in order or result["shards"] != len(plan.value):
            yield Finding("inputs differ", f"{run_id}: {result}, taken: {wanted}")
    elif plan.pipeline in {solo, squeeze}:
        if result["value"] != accepted.get("research" if plan.pipeline is solo else "narrow"):
            yield Finding("inputs differ", f"{run_id}: {result['value']}, taken: {accepted}")
    else:
        gone = {local for local, settled in first_successes(story).items() if _is_gone(settled, world)}
        yield from _joined(run_id, plan, result["given"], accepted, gone)


def _joined(
    run_id: str, plan: Plan, given: JsonValue, accepted: Mapping[str, JsonValue], gone: set[str]
) -> Iterator[Finding]:
    assert isinstance(given, list)
    steps = ("research", "summarise", "summarise") if plan.pipeline is race else STEPS
    found = [None if one is None else _value(one) for one in given]
    wanted = [
        # What the store lost afterwards is compared with nothing any more.
        one if plan.prefix + step in gone else accepted.get(plan.prefix + step)
        for step, one in zip(steps, found, strict=True)
    ]
    may_miss = plan.pipeline in {race, late}
    if any(one != right and not (one is None and may_miss) for one, right in zip(found, wanted, strict=True)):
        yield Finding("inputs differ", f"{run_id}: {found}, taken: {wanted}")
    if not any(found) and plan.pipeline is race:
        yield Finding("fired without a success", run_id)


def first_successes(story: Story) -> dict[str, TaskSettled]:
    """Return the first success of each task: the one that took effect."""
    first: dict[str, TaskSettled] = {}
    for settled in story.settled:
        if settled.outcome == "succeeded":
            first.setdefault(local_part(settled.task_id), settled)
    return first


def loaded(said: RunEnded | TaskSettled, world: World) -> JsonValue:
    """Return a result's value, None if there is none (any more)."""
    if isinstance(said.result, Inline):
        return said.result.value
    data = None if said.result is None else world.payloads.objects.get(said.result.sha256)
    value: JsonValue = None if data is None else json.loads(data)
    return value


def _is_gone(said: TaskSettled, world: World) -> bool:
    return isinstance(said.result, Reference) and said.result.sha256 not in world.payloads.objects


def _value(value: JsonValue) -> JsonValue:
    return value.get("value") if isinstance(value, dict) else value
