"""From what was measured to the constants of `argosy plan-capacity`: sizes without the values that lay in them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from argosy.broker.log import Record
from argosy.coordinator.decision import Changed
from argosy.coordinator.event import Event
from argosy.coordinator.watched import records_of
from argosy.schemas.payload import INLINE_BYTES
from argosy.schemas.runlog import CancelReceived
from support.capacity_taken import record_bytes
from support.capacity_world import Asked, Measured

KIB: Final = 1024
ASSUMED: Final = {
    "busy": 600,
    "redis_full": 600,
    "peak_seconds": 3_600,
    "kafka_mib_per_second": 50,
    "kafka_partitions": 4_000,
}
SOURCES: Final = {
    "records": "measured: records of runs of seven shapes on a real Kafka, without the values in them",
    "records.batch": "Kafka's record batches of format 2",
    "records.changed": "as it is written: two changes, a task's end and the next one's beginning, told for each result "
    "at most, fewer where results of a run come together; and as much again where a handler runs on",
    "records.traceparent": "W3C Trace Context: 55 characters, quoted, with a comma",
    "held": "measured: MEMORY USAGE of the keys of the same runs on a real Valkey, without the values in them",
    "held.counted": "measured: what the lanes counted for these runs, less what they took",
    "held.out": "measured: keys of 3,000 tasks whose handlers waited",
    "cpu": "measured: CPU time of the processes, untraced: 600 runs 1→1→1, 40 runs 1→48→1 with values of 600 bytes, "
    "40 with values of 8,000, many at once; medians of three rounds",
    "checked": "measured: reckoned over measured CPU, 80 runs 1→10→10→1 with values of 2,000 bytes, in the same turns",
    "memory": "measured: resident memory of a coordinator that had just begun, of a worker with 500 handlers "
    "that waited, and how much more it had with 3,000",
    "assumed": "not measured",
    "assumed.busy": "a rule of thumb: above 60 % of a core queues grow faster than the load",
    "assumed.redis_full": "a rule of thumb: fragments, clients, and pages that are copied while Redis saves",
    "assumed.peak_seconds": "an hour a day that brings more than the mean",
    "assumed.kafka_mib_per_second": "a careful figure for a broker on one disk",
    "assumed.kafka_partitions": "Kafka's own advice of old: some thousands for each broker",
}
"""Where each part comes from; a part of a part where it differs."""


def records(measured: Sequence[Measured], reference: Asked) -> dict[str, int]:
    """Take from records the values that lay in them."""
    one = reference.payload_bytes
    plain, deep, flat = (_like(measured, reference, depth=depth) for depth in (reference.depth, 4, 1))
    large = _like(measured, reference, width=40, payload_bytes=3_000)
    heavy = next(each for each in measured if each.asked.payload_bytes > INLINE_BYTES)
    wrapped = 11 + len(f',"bytes":{one},"tokens":{one // 4}}}')
    settled = _each(plain, "runs/task.settled, wide-1") - wrapped - one
    stored = _each(heavy, "runs/task.settled, wide-1") - settled
    dispatched = _each(deep, "tasks/task.dispatched, wide-2") - wrapped - one
    spread = _each(plain, "tasks/task.dispatched, wide-1") - dispatched
    reference_bytes = (stored + spread) / 2
    return {
        "submitted": round(_each(plain, "inbox/run.submitted") - plain.pipeline_bytes - one),
        "accepted": round(_each(plain, "runs/run.accepted") - plain.pipeline_bytes - one - wrapped),
        "dispatched": round(dispatched),
        "settled": round(settled),
        "ended": round(_each(plain, "runs/run.ended") - one - wrapped),
        "changed": told_bytes(),
        "batch": 61,
        "wrapped": wrapped,
        "reference": round(reference_bytes),
        "listed": round(_each(large, "runs/task.settled, first") - settled - 2 * reference_bytes),
        "traceparent": 58,
        "pipeline": flat.pipeline_bytes,
        "layer": round((plain.pipeline_bytes - flat.pipeline_bytes) / 2),
    }


def told_bytes() -> int:
    """Say what the record of one result takes that people watch."""
    run_id, traceparent = "0" * 36, f"00-{'0' * 32}-{'0' * 16}-00"
    event = Event(10**6, 10**12, run_id, CancelReceived(), traceparent)
    changes = [(event, Changed(state, "wide.1000", "summarise", 1)) for state in ("succeeded", "ready")]
    (out,) = records_of(changes, "argosy.events", "argosy/coordinator/host-1/12345")
    return record_bytes(Record(out.topic, 0, 0, 0, out.key, out.value, out.headers))


def held(measured: Sequence[Measured], reference: Asked, counted: int) -> dict[str, int]:
    """Take from what runs held the values that lay in it."""
    plain, deep = _like(measured, reference), _like(measured, reference, depth=4)
    wide, waiting = _like(measured, reference, width=40), _like(measured, reference, waits=True)
    one, more = reference.payload_bytes, 40 - reference.width
    task = (wide.full - plain.full - more * (2 * one + 1)) / more
    layer = deep.full - plain.full - reference.width * (task + one) - _document(deep, plain)
    active = [each for each in measured if each.asked.joins]
    really = sum(each.full * each.asked.runs for each in active)
    tasks = sum((each.asked.tasks - 1) * each.asked.runs for each in active)
    return {
        "run": round(plain.begun - one - plain.pipeline_bytes),
        "layer": round(max(0.0, layer)),
        "task": round(task),
        "waiting": round(waiting.full - plain.full - _document(waiting, plain)),
        "ended": round(plain.ended - one),
        "counted": round((counted - really) / tasks),
    }


def cpus(
    found: Mapping[Asked, Mapping[str, float]], narrow: Asked, wide: Asked, heavy: Asked
) -> dict[str, dict[str, float]]:
    """Split what three shapes took into what a run, a task and a KiB of its value take; microseconds."""

    def split(name: str) -> dict[str, float]:
        few, many, large = (found[each][name] * 1e6 for each in (narrow, wide, heavy))
        grown = (heavy.payload_bytes - wide.payload_bytes) / KIB
        kib = max(0.0, (large - many) / wide.tasks / grown)
        task = (many - few) / (wide.tasks - narrow.tasks) - kib * wide.payload_bytes / KIB
        run = few - narrow.tasks * (task + kib * narrow.payload_bytes / KIB)
        return {"run": round(max(0.0, run), 1), "task": round(max(0.0, task), 1), "kib": round(kib, 1)}

    return {name: split(name) for name in found[narrow]}


def checked(
    used: Mapping[str, float], times: Mapping[str, Mapping[str, float]], asked: Asked
) -> dict[str, float]:
    """Divide what is reckoned for a shape by what it took."""

    def reckoned(name: str) -> float:
        cpu = times[name]
        return cpu["run"] + asked.tasks * (cpu["task"] + cpu["kib"] * asked.payload_bytes / KIB)

    return {name: round(reckoned(name) / (seconds * 1e6), 2) for name, seconds in used.items()}


def _like(measured: Sequence[Measured], reference: Asked, **other: int) -> Measured:
    """Find what is as the reference but for some of it, however many runs there were."""
    wanted = replace(reference, runs=0, **other)
    return next(each for each in measured if replace(each.asked, runs=0) == wanted)


def _document(one: Measured, other: Measured) -> int:
    return one.pipeline_bytes - other.pipeline_bytes


def _each(measured: Measured, name: str) -> float:
    return measured.written[name].each
