"""Recorded run logs: folded again with each release, so that rules which are in use never change.

`PYTHONPATH=tests python tests/support/recorded_runs.py 1 FILE` records the runs below anew, for a new version of
the rules. The recording of an old one is never touched: live runs follow it.
"""

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from argosy.coordinator.decision import Arm, Decision, Ready, Send, Withdraw
from argosy.coordinator.state import Event
from argosy.schemas.codec import decode_body, encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import Facts, SizeFact, ValueFact
from argosy.schemas.runlog import (
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
    contract,
    failed,
    listing,
    mapped,
    pipeline,
    succeeded,
    task,
)

if TYPE_CHECKING:
    from argosy.schemas.pipeline import CompiledPipeline

LOGGED = (RunAccepted, TaskSettled, StepRecorded, SignalReceived, CancelReceived, TimerFired, RunEnded)


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


def _act(log: FoldLog, chance: random.Random) -> None:
    what = chance.random()
    timers = sorted(set(log.timers) - {"deadline"})
    if what < 0.01:
        log.add(CancelReceived(reason="enough"))
    elif what < 0.05 and log.settles():
        log.add(chance.choice(log.settles()))
    elif (what < 0.3 or not log.out) and timers:
        log.fire(chance.choice(timers))
    elif log.out:
        local = chance.choice(sorted(log.out))
        facts: Facts = {
            "value:ok": ValueFact(kind="value", value=chance.random() < 0.7),
            "size:x": SizeFact(kind="size", bytes=5, tokens=2),
        }
        good = succeeded(local, log.out[local], facts=facts if local == "a" else None, tokens=3)
        bad = failed(local, log.out[local], retriable=chance.random() < 0.7, tokens=1)
        log.add(good if chance.random() < 0.65 else bad)


def record(rules: int) -> str:
    """Fold the runs and write them down; an empty line ends a run."""
    lines: list[str] = []
    for log in runs(rules):
        lines += [write(event, decisions) for event, decisions in log.folded]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(record(int(sys.argv[1])), encoding="utf-8")
