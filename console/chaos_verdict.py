"""The judgement of a chaos run: Kafka is read from its beginning, the ledger is counted, the report is written."""

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from os import cpu_count

from argosy.broker.topics import TopicNames
from argosy.console.chaos_arena import Arena
from argosy.console.chaos_messages import is_poison
from argosy.console.chaos_model import in_limits
from argosy.schemas.deadletter import DeadLetter
from argosy.testing.chaos_beats import beaten
from argosy.testing.chaos_bounds import Snapshot
from argosy.testing.chaos_finding import Finding
from argosy.testing.chaos_judge import Judge
from argosy.testing.chaos_load import Journal
from argosy.testing.chaos_plan import BY_NAME
from argosy.testing.chaos_recovery import baseline, recoveries
from argosy.testing.chaos_report import Invariant, LoadReport, Report, StrikeReport, Verdict
from argosy.testing.effects import AllEffects
from argosy.testing.outside import Witness

_STILL_SECONDS = 60
"""A task that succeeded so lately: the fleet had not come to rest, it was busy. Of a short quiet time a third."""
Grave = tuple[str, int, int]
"""Topic, partition and offset of a record that nobody can decode, or of one that has a dead letter."""
_EACH_MAKES_ONE = ("work", "asked")
"""Pipelines all of whose tasks make an effect: others have tasks that are the fleet's own."""
_SETTLING_SECONDS = 3
"""At the beginning, not counted as usual throughput."""


@dataclass(frozen=True)
class Sleep:
    """A process that may have stood still: what it did within this time (monotonic) it may not have known."""

    pid: int
    began: float
    until: float


@dataclass(frozen=True)
class Told:
    """What the drive saw."""

    seed: int
    calm_seconds: float
    quiet_seconds: float
    may_fail: bool
    started_ms: int
    seconds: float
    strikes: Sequence[StrikeReport]
    sleeps: Sequence[Sleep]
    losses: Sequence[tuple[float, float]]
    snapshots: Sequence[Snapshot]
    journal: Journal
    slots: Mapping[str, int]
    """By schedule of our own app: the last slot that was noted as submitted."""
    trouble: str
    interrupted: bool = False


async def judged(arena: Arena, told: Told) -> Report:
    """Read everything and return the report."""
    names = TopicNames(arena.settings.kafka.topic_prefix)
    judge = Judge(names.prefix, told.snapshots, own=arena.shape.own)
    poison, buried = set[Grave](), set[Grave]()
    async with Witness(arena.stack.bootstrap_servers, names.prefix) as witness:
        for part in (names.runs, names.results, names.tasks(""), names.inbox, names.dead):
            async for line in witness.stream({}, part):
                judge.take(line)
                if is_poison(line):
                    poison.add((line.topic, line.partition, line.offset))
                elif isinstance(line.message, DeadLetter):
                    buried.add((line.message.topic, line.message.partition, line.message.offset))
    acknowledged = [arena.load.run_id(number) for number in told.journal.acknowledged]
    slow = _is_slow(told, judge)
    judge.conclude([*acknowledged, *arena.expected], arena.expected, may_fail=told.may_fail, slow=slow)
    ledger, effects = _ledger(arena, told, judge) if arena.shape.own else ([], None)
    calls = arena.model.calls() if arena.model is not None else None
    findings = [
        *judge.findings(),
        *ledger,
        *([beaten(judge.runs, told.slots)] if arena.shape.own else []),
        *([in_limits(calls)] if calls is not None else []),
        graves(poison, buried),
        _rest(told, slow=slow),
        fired(told.strikes),
    ]
    usual, strikes = _recovered(told, judge, arena.shape.brokers)
    return Report(
        argosy=version("argosy"),
        app=arena.load.app,
        pipelines=tuple(dict.fromkeys(offer.pipeline for offer in arena.load.offers)),
        seed=told.seed,
        started=datetime.fromtimestamp(told.started_ms / 1000, UTC).isoformat(timespec="seconds"),
        seconds=round(told.seconds, 1),
        machine=f"{platform.system()} {platform.release()}, {cpu_count()} cores, Python {platform.python_version()}",
        processes=len(arena.cast.workers) + len(arena.cast.coordinators) + 1,
        lease_seconds=arena.shape.lease_seconds,
        session_seconds=arena.shape.session_seconds,
        calm_seconds=told.calm_seconds,
        load=_load(arena, told, judge, effects, calls),
        strikes=tuple(strikes),
        baseline=round(usual, 1),
        curve=_curve(told, judge),
        invariants=tuple(
            Invariant(
                name=one.promise,
                checked=one.checked,
                broken=one.broken,
                told=tuple(one.told),
                of_fleet=one.of_fleet,
            )
            for one in findings
        ),
        verdict=verdict_of(findings, slow=slow, empty=not acknowledged or not told.strikes),
        unended=judge.unended,
        interrupted=told.interrupted,
    )


def verdict_of(findings: Sequence[Finding], *, slow: bool, empty: bool) -> Verdict:
    """Weigh the findings: a broken promise is told before all else, a fault that was not carried out last."""
    if any(finding.broken for finding in findings if finding.of_fleet):
        return "broken"
    if slow or empty:
        return "slow" if slow else "empty"
    return "incomplete" if any(finding.broken for finding in findings) else "held"


def _ledger(arena: Arena, told: Told, judge: Judge) -> tuple[list[Finding], dict[str, int]]:
    """Count effects: under one key each, and none after its memo was known, but for what promise 3 leaves open."""
    effects = AllEffects(arena.effects)
    once = Finding("each task's effect has one idempotency key")
    memo = Finding("a recorded memo is never run again")
    doubled = effects.doubled()
    once.checked = effects.keys("made")
    for task in doubled:
        once.look(holds=False, text=f"{task} made its effect under several keys")
    made = effects.tasks()
    for run in judge.runs.values():
        if run.ended is not None and run.ended.outcome == "succeeded" and run.pipeline in _EACH_MAKES_ONE:
            for task_id in run.tasks:
                once.look(task_id in made, f"{task_id} took effect, and made no side effect")
    memo.checked = effects.keys("known")
    excused = 0
    for again in effects.made_after_known():
        logged = "/check|" in again.key
        lost = not logged and any(
            again.known_at < until and began < again.made_at for began, until in told.losses
        )
        slept = any(
            sleep.pid == again.pid and sleep.began < again.made_at < sleep.until for sleep in told.sleeps
        )
        excused += lost or slept
        memo.look(
            lost or slept,
            f"{again.key} was made again {again.made_at - again.known_at:.2f} s after it was known",
        )
    for key, last, first in effects.changed_memos():
        lost = "/check|" not in key and any(first > began and last < until for began, until in told.losses)
        memo.look(lost, f"the memo of {key} changed")
    counts = {
        # Tasks that are the fleet's own (plans of pages, looks) write no ledger: each counts once.
        "deliveries": effects.count("began") + max(0, judge.tally.tasks - effects.keys("began")),
        "effects": effects.keys("made"),
        "effects_again": effects.count("made") - effects.keys("made"),
        "effects_again_after_their_memo": excused,
    }
    effects.close()
    return [once, memo], counts


def graves(poison: set[Grave], buried: set[Grave]) -> Finding:
    """Compare what Kafka has of both: whoever sent poison and was not answered can't know whether it is there."""
    found = Finding("what nobody can decode is buried, and nothing else")
    for where in sorted(poison | buried):
        found.look(where in buried, f"{where} was not buried")
        found.look(where in poison, f"{where} was buried")
    return found


def _rest(told: Told, *, slow: bool) -> Finding:
    found = Finding("in the end nothing is unread and nothing is left over")
    if not slow:
        found.look(not told.trouble, told.trouble)
    return found


def _is_slow(told: Told, judge: Judge) -> bool:
    """Say whether work still got done, task by task, when the time to come to rest was up."""
    end = told.started_ms / 1000 + told.seconds
    still = min(_STILL_SECONDS, told.quiet_seconds / 3)
    return bool(told.trouble) and max(judge.tally.settled, default=0) >= end - still


def fired(strikes: Sequence[StrikeReport]) -> Finding:
    """Show that the run is worth something: no fault went wrong, and most came to something."""
    found = Finding("faults did what they should", of_fleet=False)
    for strike in strikes:
        found.look(
            not strike.error, f"{strike.kind} at {strike.at:.0f} s was not carried out: {strike.error}"
        )
    vain = [strike.kind for strike in strikes if not strike.said and not strike.error]
    found.look(2 * len(vain) <= len(strikes), f"nothing came of {', '.join(vain)}")
    return found


def _recovered(told: Told, judge: Judge, brokers: int) -> tuple[float, list[StrikeReport]]:
    start = told.started_ms // 1000
    first = int(min((strike.at for strike in told.strikes), default=told.seconds))
    if first <= _SETTLING_SECONDS + 1:
        return 0.0, list(told.strikes)
    settled = {second - start: many for second, many in judge.tally.settled.items()}
    usual = baseline(settled, _SETTLING_SECONDS, first)
    begins = sorted(int(strike.at) for strike in told.strikes)
    counted = [
        (
            strike.number,
            since := int(strike.at if _is_sudden(strike, brokers) else strike.ended),
            next((begin for begin in begins if begin > since), int(told.seconds)),
        )
        for strike in told.strikes
    ]
    found = {one.strike: one.seconds for one in recoveries(settled, usual, counted, int(told.seconds))}
    return usual, [
        strike.model_copy(update={"recovery_seconds": found[strike.number]}) for strike in told.strikes
    ]


def _is_sudden(strike: StrikeReport, brokers: int) -> bool:
    """Tell a death that others make good, by being there, from what lasts until it is over."""
    kind = BY_NAME[strike.kind]
    return strike.kind.startswith("kill-") and (
        kind.seconds == (0.0, 0.0) or (kind.code == "F5" and brokers > 1)
    )


def _curve(told: Told, judge: Judge) -> tuple[int, ...]:
    start = told.started_ms // 1000
    last = max(judge.tally.settled, default=start)
    return tuple(judge.tally.settled.get(second, 0) for second in range(start, last + 1))


def _load(
    arena: Arena, told: Told, judge: Judge, effects: dict[str, int] | None, calls: dict[str, int] | None
) -> LoadReport:
    ended = [run.ended for run in judge.runs.values() if run.ended is not None]
    tally = judge.tally
    settles = sum(len(task.settled) for run in judge.runs.values() for task in run.tasks.values())
    duplicates = {
        "orders": tally.orders_again,
        "settles": tally.settles_again,
        "run.accepted": tally.accepted_again,
        "run.ended": tally.ends_again,
        "results": tally.results_again,
    }
    if effects is not None:
        duplicates |= {name: many for name, many in effects.items() if name.startswith("effects_")}
        duplicates["submits_refused_as_busy"] = told.journal.busy
    if calls is not None:
        duplicates |= calls
    return LoadReport(
        acknowledged=len(told.journal.acknowledged) - tally.turned_away,
        ended=len(ended),
        outcomes=dict(Counter(end.outcome for end in ended)),
        tasks=tally.tasks,
        deliveries=effects["deliveries"] if effects is not None else settles + tally.settles_again,
        duplicates=duplicates,
        restarts={
            name: child.restarts for name, child in arena.stack.supervisor.children.items() if child.restarts
        },
    )
