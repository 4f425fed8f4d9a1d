"""A run again: what an earlier one left is read from the run log; what of it still holds is given to the new one."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from argosy.broker import tokens
from argosy.broker.facts import answer, select
from argosy.broker.log import Cluster
from argosy.broker.store import Payloads
from argosy.broker.touching import touch_all
from argosy.broker.values import decode_value, encode_value, load
from argosy.client import said
from argosy.console.reuse import Reuse
from argosy.console.reuse_plans import keys_under, plan_reused
from argosy.console.run_history import history
from argosy.coordinator.known_pipelines import known
from argosy.coordinator.plan import Plan, plan_of
from argosy.coordinator.state import RunState
from argosy.schemas.errors import BadArgument, NotFound, PayloadGone
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.reuse import TRACEPARENT, ReplayOf, Reused
from argosy.schemas.runlog import RunAccepted
from argosy.schemas.settings import Settings

SPILL_BYTES: Final = 200_000
"""Results that take more than this together travel as references, but for small ones."""
_SMALL_BYTES: Final = 300
_TRACEPARENT: Final = re.compile(TRACEPARENT)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be different in the new run."""

    pipeline: CompiledPipeline | None = None
    """None: the one that the earlier run was of."""
    anew: frozenset[str] = frozenset()
    """Steps that run whatever they left."""
    value: bytes | None = None
    """JSON of another input; None: the same."""
    retry: bool = False
    """Try again what failed, and only that: a redrive."""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Of the submit: `deadline_seconds`, `budget`, `budget_micros`, `when_busy`."""


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run that has ended, as its log tells it."""

    run_id: str
    accepted: RunAccepted
    state: RunState
    traceparent: str | None


async def old_run(cluster: Cluster, settings: Settings, run_id: str) -> OldRun:
    """Read a run's history. Raises NotFound where the log doesn't hold it, BadArgument if it is under way."""
    found = await history(cluster, settings, run_id)
    accepted, state = found.accepted, found.state
    if accepted is None or state is None:
        raise NotFound(
            f"no run {run_id} in the run log",
            "it was never accepted, or retention has passed",
            "argosy runs list shows those that are there; submit it as a new run",
        )
    if found.ended is None:
        raise BadArgument(
            f"run {run_id} is still under way",
            why="what it will leave isn't known yet",
            do=f"wait for its end, or end it: argosy runs cancel {run_id}",
        )
    if found.broken:
        raise BadArgument(
            f"run {run_id} can't be run again",
            why=f"its log can't be folded {found.broken}",
            do="submit it as a new run",
        )
    first = next((each for each in found.records if each.message is accepted), None)
    return OldRun(run_id, accepted, state, _whole(first.envelope.traceparent if first is not None else None))


async def submit_again(old: OldRun, wish: Wish, payloads: Payloads) -> tuple[RunSubmitted, tuple[str, ...]]:
    """Make the submit of the new run, less its input if that is to be another, and name the steps that run anew.

    Raises BadArgument for steps that aren't, or where nothing would run anew, and for results that are no longer kept.
    """
    before, new = old.accepted.pipeline, wish.pipeline or old.accepted.pipeline
    _check_steps(new, wish.anew, old.state)
    reuse = Reuse(old.state, wish.anew, wish.retry)
    if wish.value is None:
        reuse.find(before, new, lambda _: True)
    else:
        was = await load(old.accepted.input, payloads)
        given = decode_value(wish.value)
        reuse.find(before, new, lambda part: select(part, was) == select(part, given))
    if not reuse.runs:
        raise _nothing_new(old.run_id, retry=wish.retry)
    reused = await _reused(old.state, new, reuse, payloads)
    try:
        await touch_all(reused.values(), payloads)
    except PayloadGone as error:
        raise BadArgument(
            f"run {old.run_id} can't be run again from there",
            why=f"a result that would be reused is no longer kept: {error}",
            do="name an earlier step with --from (from_=), or submit it as a new run",
        ) from None
    accepted = old.accepted
    seconds = (accepted.deadline_ms - accepted.submitted_ms) / 1000
    parts: dict[str, object] = {
        "pipeline": new,
        **(_same_input(accepted.input) if wish.value is None else {}),
        "priority": accepted.priority,
        "tenant": accepted.tenant,
        "budget": accepted.budget,
        "budget_micros": accepted.budget_micros,
        "on_spent": accepted.on_spent,
        "ask_seconds": None if accepted.ask_ms is None else accepted.ask_ms / 1000,
        "untrusted": bool(accepted.input.taint),
        "replay_of": ReplayOf(run_id=old.run_id, traceparent=old.traceparent),
        "reused": reused,
        "deadline_seconds": seconds,
        **wish.options,
    }
    return said.message_of(RunSubmitted, "replay", **parts), tuple(reuse.runs)


def _check_steps(pipeline: CompiledPipeline, anew: Iterable[str], state: RunState) -> None:
    for path in anew:
        whole: CompiledPipeline | None = pipeline
        planner, _, key = path.rpartition("/")
        names = planner if planner and key in keys_under(state, planner) else path
        for name in names.split("/"):
            step = next((step for step in whole.steps if step.name == name), None) if whole else None
            if step is None:
                known_steps = ", ".join(each.name for each in (whole or pipeline).steps)
                raise BadArgument(
                    f"{pipeline.name} has no step {path}",
                    why=f"its steps are {known_steps}",
                    do="name one of these; of a pipeline inside, STEP/INNER",
                )
            whole = step.pipeline


def _nothing_new(run_id: str, *, retry: bool) -> BadArgument:
    if retry:
        return BadArgument(
            f"nothing of run {run_id} is to be tried again",
            why="none of its parts failed, expired or was cut off",
            do="run it again from a step: argosy runs replay RUN --from STEP",
        )
    return BadArgument(
        f"a replay of run {run_id} would run nothing",
        why="every step, and all that it reads, is as it was: it would come to the same end",
        do="name a step to run anew (--from, from_=), another input or agent; redrive tries again what failed",
    )


async def _reused(
    state: RunState, new: CompiledPipeline, reuse: Reuse, payloads: Payloads
) -> dict[str, Reused]:
    document = known(new)
    plan = plan_of(document.whole_sha256, document.whole)
    found = {
        local: await _one(state, plan, local, payloads)
        for local in reuse.taken
        if local not in reuse.plans and not _of_summaries(plan, local)
    }
    for local, made in reuse.plans.items():
        found[local] = await plan_reused(made, payloads)
    if sum(_size(each) for each in found.values()) <= SPILL_BYTES:
        return found
    return {local: await _spilled(each, payloads) for local, each in found.items()}


def _of_summaries(plan: Plan, local: str) -> bool:
    """Say whether a task was made to summarise: how much it may take is worked out anew."""
    place = plan.find(local)
    return place is not None and place.system is not None and place.step.terms.above == "summarise"


async def _one(state: RunState, plan: Plan, local: str, payloads: Payloads) -> Reused:
    result, place = state.result(local), plan.find(local)
    facts = dict(result.facts)
    looped, planner = plan.loop(local), plan.planner(local)
    wants = place.step.wants if place is not None and place.role == "task" else ()
    wants = planner.looks if planner is not None else wants  # what its tasks gave is taken over, not the plan
    wants = looped.loop.asked if looped is not None and looped.loop is not None else wants
    if result.payload is not None and result.fault is None:
        lacking = [want for want in wants if want.key not in facts]
        if lacking:  # who reads it now reads other parts of it
            facts |= await answer(await load(result.payload, payloads), lacking, tokens.count, payloads)
    return Reused(
        payload=None if result.fault is not None else result.payload,
        facts=facts,
        fault=result.fault,
        traceparent=_whole(result.traceparent),
    )


def _whole(traceparent: str | None) -> str | None:
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else None


def _size(value: BaseModel) -> int:
    return len(value.model_dump_json(exclude_defaults=True))


async def _spilled(reused: Reused, payloads: Payloads) -> Reused:
    payload = reused.payload
    if not isinstance(payload, Inline) or payload.bytes <= _SMALL_BYTES:
        return reused
    data = encode_value(payload.value)
    sha256 = await payloads.put(data)
    reference = Reference(sha256=sha256, bytes=len(data), tokens=payload.tokens, taint=payload.taint)
    return reused.model_copy(update={"payload": reference})


def _same_input(given: Payload) -> dict[str, object]:
    if isinstance(given, Inline):
        return {"input": given.value}
    # The receiver counts anew.
    return {"input_ref": Reference(sha256=given.sha256, bytes=given.bytes, tokens=0)}
