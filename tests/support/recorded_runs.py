"""Recorded run logs: folded again with each release, so that rules which are in use never change.

`PYTHONPATH=tests python tests/support/recorded_runs.py 1 FILE` records the runs below anew, for a new version of
the rules; with `each` behind it those of maps over pipelines, with `pages` those of
tasks that are too large, with `waits` those of steps that wait, with `asking` those that ask for a larger budget. The
recording of an old one is never touched: live runs follow it.
"""

import json
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.coordinator.decision import Arm, Decision, Ready, Send, Withdraw
from argosy.coordinator.event import Event
from argosy.schemas.canonical import canonical_hash
from argosy.schemas.codec import decode_body, encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import Fact, Facts, SizeFact, ValueFact
from argosy.schemas.runlog import (
    BudgetReceived,
    CancelReceived,
    RunAccepted,
    RunEnded,
    SignalReceived,
    StepRecorded,
    TaskSettled,
    TimerFired,
)
from support.fold_log import FoldLog
from support.fold_pipelines import (
    Data,
    accepted,
    approval,
    contract,
    failed,
    listing,
    mapped,
    mapped_pipeline,
    pipeline,
    signal,
    sleep,
    spent,
    succeeded,
    task,
    text,
)

if TYPE_CHECKING:
    from pydantic import JsonValue

    from argosy.schemas.pipeline import CompiledPipeline

LOGGED = (
    RunAccepted, TaskSettled, StepRecorded, SignalReceived, BudgetReceived, CancelReceived, TimerFired, RunEnded,
)  # fmt: skip


def essence(decisions: tuple[Decision, ...]) -> list[str]:
    """What no later release may decide otherwise: attempts, timers, what is sent."""
    told: list[str] = []
    for decision in decisions:
        match decision:
            case Ready(first=None):
                told.append(f"ready {decision.step} attempt {decision.attempt}")
            case Ready():
                told.append(
                    f"ready {decision.step}.{decision.first} +{decision.count} attempt {decision.attempt}"
                )
            case Arm():
                told.append(f"arm {decision.name} due {decision.due_ms}")
            case Withdraw():
                told.append(f"withdraw {decision.local}")
            case Send():
                told.append(f"send {decision.entry}")
            case _:
                pass
    return told


def write(event: Event, decisions: tuple[Decision, ...]) -> str:
    """One line: the record, and what was decided."""
    line = {
        "offset": event.offset,
        "time_ms": event.time_ms,
        "traceparent": event.traceparent,
        "kind": event.message.KIND,
        "body": json.loads(encode_body(event.message)),
        "decided": essence(decisions),
    }
    return json.dumps(line, separators=(",", ":"))


def read(line: str) -> tuple[Event, list[str]]:
    """Read a line again: the event and what had been decided."""
    data = json.loads(line)
    envelope = Envelope(kind=data["kind"], id="x", source="x", subject="r")
    message = decode_body(envelope, json.dumps(data["body"]).encode())
    if not isinstance(message, LOGGED):
        error = f"{data['kind']} is no record of the run log"
        raise TypeError(error)
    return Event(data["offset"], data["time_ms"], "r", message, data["traceparent"]), data["decided"]


def runs(rules: int) -> Iterator[FoldLog]:
    """Make runs of every shape, with bad luck of every kind."""
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - a recording, not a secret
        log = FoldLog()
        if seed == 7:
            log.add(CancelReceived(reason="never mind"))
        facts = {"list:": listing(*"abcdef")}
        compiled = _shape(seed)
        log.add(accepted(compiled, facts=facts, rules=rules, windows={"bg": 100}, factors={"bg": 1100}))
        while log.state is not None and log.state.st == "active":
            _act(log, chance)
        log.end()
        log.add(accepted(compiled, facts=facts, rules=rules))
        yield log


def each_runs(rules: int) -> Iterator[FoldLog]:
    """Make runs of maps over pipelines and of looks, with bad luck of every kind."""
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - a recording, not a secret
        log = FoldLog()
        log.add(accepted(_each_shape(seed), facts={"list:": listing(*"abcd")}, rules=rules))
        while log.state is not None and log.state.st == "active":
            if log.looks and chance.random() < 0.5:
                _answer(log, chance)
            elif log.out or set(log.timers) != {"deadline"}:
                _act(log, chance, 0.65 if seed % 4 == 1 else 0.93)
        log.end()
        yield log


def paged_runs(rules: int) -> Iterator[FoldLog]:
    """Make runs of tasks that are too large, or found to be, with bad luck of every kind."""
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - a recording, not a secret
        log = FoldLog()
        facts: Facts = {"list:": listing(*"abcdef")}
        compiled = _paged_shape(seed)
        log.add(accepted(compiled, input=text("large", 900), facts=facts, rules=rules, windows={"bg": 100}))
        while log.state is not None and log.state.st == "active":
            plans = [local for local in sorted(log.out) if local.endswith("/p0")]
            cut = [local for local in sorted(log.out) if local.startswith(("b", "m."))]
            if plans and chance.random() < 0.5:
                _plan(log, chance.choice(plans), chance)
            elif cut and chance.random() < 0.05:
                local = chance.choice(cut)
                body = failed(local, log.out[local])
                log.add(body.model_copy(update={"outcome": "overflow", "measured_tokens": 95}))
            elif set(log.out) - set(plans) or set(log.timers) != {"deadline"}:
                _act(log, chance, 0.95, but=plans)
        log.end()
        yield log


def _plan(log: FoldLog, local: str, chance: random.Random) -> None:
    facts: Facts = {
        "value:length(pages)": ValueFact(kind="value", value=chance.choice((1, 2, 3, 20))),
        "value:input": ValueFact(kind="value", value="p0"),
    }
    log.add(succeeded(local, log.out[local], facts=facts))


def _paged_shape(seed: int) -> "CompiledPipeline":
    more: Data = {"merge": "mg"} if seed % 2 else {}
    agents = {
        "ag": contract(),
        "bg": contract(window=100, retries=1, above="paginate", **more),
        "mg": contract(window=100, inputs={"results": {}}),
    }
    late: Data = {"join": {"policy": "deadline", "within_seconds": 2}} if seed % 3 else {}
    return pipeline(
        task("b", "input", agent="bg"),
        mapped("m", "input", agent="bg", max_parallel=3, join={"policy": "all_ended"}),
        task("c", "b?", "m?", deadline_seconds=50, **late),
        agents=agents,
    )


def waiting_runs(rules: int) -> Iterator[FoldLog]:
    """Make runs that wait for signals, approvals and a time, with answers of every kind."""
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - a recording, not a secret
        log = FoldLog()
        log.add(accepted(_waiting_shape(seed), rules=rules))
        while log.state is not None and log.state.st == "active":
            if log.looks and chance.random() < 0.4:
                local = chance.choice(sorted(log.looks))
                facts: Facts = {"value:approved": ValueFact(kind="value", value=chance.random() < 0.7)}
                good = succeeded(local, log.look(local).attempt, facts=facts)
                log.add(good if chance.random() < 0.8 else failed(local, good.attempt))
            elif chance.random() < 0.6:
                _signal(log, chance)
            elif log.out or chance.random() < 0.1:
                _act(log, chance, 0.95)
        log.end()
        yield log


def asking_runs(rules: int) -> Iterator[FoldLog]:
    """Make runs at the edge of their budget, that ask or don't, with answers of every kind, late, twice, or none."""
    for seed in range(12):
        chance = random.Random(seed)  # noqa: S311 - a recording, not a secret
        log = FoldLog()
        asks: Data = {} if seed % 4 == 3 else {"on_spent": "ask", "ask_ms": 40_000 if seed % 3 else None}
        facts: Facts = {"list:": listing(*"abcdef")}
        log.add(accepted(_asking_shape(seed), facts=facts, rules=rules, budget=100, **asks))
        budget = 100
        while log.state is not None and log.state.st == "active":
            if log.out and chance.random() < 0.4:
                local = chance.choice(sorted(log.out))
                log.add(spent(local, log.out[local], limit=chance.choice((100, budget))))
            elif chance.random() < 0.3:
                budget += chance.choice((0, 0, 100, 500))
                answer: Data = {"refused": True} if chance.random() < 0.2 else {"tokens": budget}
                answer_id = f"answer-{chance.randrange(8)}"
                log.add(BudgetReceived.model_validate({"answer_id": answer_id, "by": "ann", **answer}))
            elif log.out or ("budget" in log.timers and chance.random() < 0.1):
                _act(log, chance, 0.93)
            elif set(log.timers) - {"deadline", "budget"}:
                log.fire(min(set(log.timers) - {"deadline", "budget"}))
        log.end()
        yield log


def _asking_shape(seed: int) -> "CompiledPipeline":
    holes: Data = {"join": {"policy": "deadline", "within_seconds": 900, "count": 1}} if seed % 2 else {}
    return pipeline(
        task("a", "input"),
        mapped("m", "input", max_parallel=3, **holes),
        task("b", "a?", "m?", join={"policy": "all_ended"}),
        task("c", "b"),
    )


def _signal(log: FoldLog, chance: random.Random) -> None:
    name = chance.choice(("go", "ok", "late", "c.0/in", "c.1/in", "nobody"))
    about = canonical_hash(f"{name}#1") if chance.random() < 0.8 else "another"
    value: JsonValue = {"approved": chance.random() < 0.8} if chance.random() < 0.9 else 7
    signal_id = f"{name}-{chance.randrange(5)}"
    log.add(SignalReceived(signal_id=signal_id, name=name, value=value, about_sha256=about))


def _waiting_shape(seed: int) -> "CompiledPipeline":
    hole: Data = {"on_timeout": "hole"} if seed % 2 else {}
    inner = pipeline(signal("in", **hole), task("x", "in"))
    return pipeline(
        task("a", "input"),
        approval("ok", "a", **hole),
        sleep("nap", "a"),
        signal("go", when=[{"from": "ok", "select": "approved"}] if seed % 3 == 0 else [], **hole),
        mapped_pipeline("c", inner, {"value": [1, 2]}, join={"policy": "all_ended"}),
        signal("late", after=[{"from": "nap"}], **hole),
        task("z", "go?", "c", "late?", "ok?"),
    )


def _answer(log: FoldLog, chance: random.Random) -> None:
    local = chance.choice(sorted(log.looks))
    answers: dict[str, Fact] = {
        "value": ValueFact(kind="value", value=chance.random() < 0.7),
        "list": listing(*"pq"[: chance.randrange(3)]),
        "size": SizeFact(kind="size", bytes=5, tokens=2),
    }
    facts = {want.key: answers[want.kind] for want in log.look(local).wants}
    log.add(succeeded(local, facts=facts) if chance.random() < 0.97 else failed(local))


def _each_shape(seed: int) -> "CompiledPipeline":
    join: Data = {"join": {"policy": "quorum", "share": 0.5}} if seed % 3 else {}
    inner = pipeline(
        task("x", "input", when=[{"from": "input", "select": "ok"}] if seed % 2 else []),
        mapped("m", {"from": "input", "select": "parts"}, max_parallel=2, join={"policy": "all_ended"}),
        task("y", "x?", "m"),
        returns={"from": "y", "select": "x"} if seed % 4 == 0 else None,
    )
    return pipeline(
        mapped_pipeline("c", inner, "input", max_parallel=2, **join),
        mapped("n", {"from": "c", "select": "[]"}, join={"policy": "all_ended"}),
        mapped_pipeline("d", pipeline(mapped("m", {"value": [1, 2]})), "n", join={"policy": "all_ended"}),
        task("e", "n", "d?", unless=[{"from": "n", "select": "[0]"}] if seed % 3 == 2 else []),
    )


def _shape(seed: int) -> "CompiledPipeline":
    agents = {"ag": contract(), "bg": contract(window=100, retries=1)}
    joins: list[Data] = [
        {"policy": "all_ended"},
        {"policy": "any", "within_seconds": 9},
        {"policy": "quorum", "share": 0.5},
        {"policy": "deadline", "within_seconds": 2},
    ]
    join: Data = {"join": joins[seed % 4]}
    return pipeline(
        task("a", "input"),
        task("b", "a", agent="bg", when=[{"from": "a", "select": "ok"}]),
        mapped("m", "input", "a", max_parallel=3, **({} if seed % 3 == 0 else join)),
        task("c", "a", {"from": "a", "select": "x"}, deadline_seconds=50),
        task("d", "b?", "c?", "m?", **join),
        mapped("n", "m", {"value": [1, 2]}, agent="bg", join={"policy": "all_ended"}),
        task("e", "d", "n?", after=[{"from": "b", "hole": True}]),
        agents=agents,
    )


def _act(log: FoldLog, chance: random.Random, good_share: float = 0.65, but: Sequence[str] = ()) -> None:
    what = chance.random()
    timers = sorted(set(log.timers) - {"deadline"})
    if what < 0.01:
        log.add(CancelReceived(reason="enough"))
    elif what < 0.05 and log.settles():
        log.add(chance.choice(log.settles()))
    elif (what < 0.3 or not log.out) and timers:
        log.fire(chance.choice(timers))
    elif set(log.out) - set(but):
        local = chance.choice(sorted(set(log.out) - set(but)))
        facts: Facts = {
            "value:ok": ValueFact(kind="value", value=chance.random() < 0.7),
            **({"value:x": ValueFact(kind="value", value="x")} if "/" in local else {}),
            "size:x": SizeFact(kind="size", bytes=5, tokens=2),
        }
        asked = local == "a" or local.endswith("/y")
        good = succeeded(local, log.out[local], facts=facts if asked else None, tokens=3)
        bad = failed(local, log.out[local], retriable=chance.random() < 0.7, tokens=1)
        log.add(good if chance.random() < good_share else bad)


def record(logs: Iterator[FoldLog]) -> str:
    """Fold the runs and write them down; an empty line ends a run."""
    lines: list[str] = []
    for log in logs:
        lines += [write(event, decisions) for event, decisions in log.folded]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    made = {"each": each_runs, "pages": paged_runs, "waits": waiting_runs, "asking": asking_runs}
    chosen = made.get("".join(sys.argv[3:]), runs)
    Path(sys.argv[2]).write_text(record(chosen(int(sys.argv[1]))), encoding="utf-8")
