"""A run as the trace viewer shows it: rows in the order of the plan, attempts with their waits, values cut short.

What is read of the payload store is bounded; where a value isn't shown whole, it is said.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final

from pydantic import JsonValue
from pydantic_core import to_jsonable_python

from argosy.broker.store import Payloads
from argosy.console.blame import blame
from argosy.console.blame_told import taint_of
from argosy.console.blame_way import how_given
from argosy.console.causal_history import causal_history
from argosy.console.context_view import context_of
from argosy.console.dashboard_graph import Drawing, draw
from argosy.console.dashboard_scale import scale_of
from argosy.console.dashboard_timeline import Timeline, Try
from argosy.console.evidence import Evidence, holes_in
from argosy.console.lineage import lineage
from argosy.console.lineage_facts import Fed, Lineage, Node, hash_of
from argosy.console.output import printable
from argosy.console.run_history import History
from argosy.console.run_tree import holes
from argosy.console.system_words import reduction
from argosy.console.task_table import TaskRow, rows
from argosy.coordinator.step_plan import template_of
from argosy.schemas.errors import NotFound
from argosy.schemas.ids import local_part, step_of
from argosy.schemas.payload import Payload
from argosy.schemas.task import HoleInput

Data = dict[str, JsonValue]
_WHOLE: Final = (2_000, 300)
"""Characters of a value that are shown: of few tasks, of many."""
_FEW: Final = 300
_MOST_READ: Final = 1024 * 1024
"""Bytes of a value that is read at all."""
_PARTS: Final = 20
"""Values of a list of results that are shown."""
_RECORDS: Final = 20_000
_SUSPECTS: Final = 10


@dataclass(frozen=True, slots=True)
class _Seen:
    history: History
    found: Lineage
    times: Timeline
    evidence: Evidence
    payloads: Payloads
    most: int


async def trace_facts(history: History, payloads: Payloads) -> Data:
    """Gather all that the page shows, as JSON. Raises Unreachable if the payload store is away."""
    table = rows(history)
    times = Timeline()
    for logged in history.records:
        times.take(logged)
    most = _WHOLE[0] if len(table) <= _FEW else _WHOLE[1]
    seen = _Seen(history, lineage(history), times, Evidence(payloads, lambda _: False), payloads, most)
    accepted, ended = history.accepted, history.ended
    until = times.ended_ms or max((each.time_ms for each in history.records), default=0)
    scale = scale_of(times, until, until_ms=until)
    return {
        "run": {
            "id": history.run_id,
            "pipeline": "" if accepted is None else f"{accepted.pipeline.name}@{accepted.pipeline.version}",
            "outcome": "active" if ended is None else ended.outcome,
            "fault": "" if ended is None or ended.fault is None else ended.fault.said,
            "began": times.accepted_ms,
            "ended": until,
            "gaps": [list(each) for each in scale.gaps],
            "ticks": [list(each) for each in scale.ticks()],
            "replay_of": "" if accepted is None or accepted.replay_of is None else accepted.replay_of.run_id,
            "input": None if accepted is None else await _value(seen, accepted.input),
            "output": None if ended is None or ended.result is None else await _value(seen, ended.result),
            "fold_error": history.broken,
        },
        "notes": await _notes(history, payloads),
        "graph": None if accepted is None else _graph(draw(accepted.pipeline)),
        "tasks": [await _task(seen, row) for row in table],
        "log": _log(history),
        "gone": list(seen.evidence.gone),
    }


async def _notes(history: History, payloads: Payloads) -> list[JsonValue]:
    found = await blame(history, payloads)
    missing = [(each.step, f"a hole: {each.source} {each.outcome}: {each.reason}") for each in holes(history)]
    return [
        *(_noted(each.task.task, each.score, each.reasons) for each in found.suspects[:_SUSPECTS]),
        *(_noted(task, 0, (reason,)) for task, reason in missing[:_SUSPECTS]),
    ]


def _noted(task: str, points: int, reasons: tuple[str, ...]) -> Data:
    return {"task": task, "points": points, "reasons": list(reasons)}


def _graph(drawing: Drawing) -> Data:
    boxes: list[JsonValue] = [
        {
            "name": box.name,
            "title": box.title,
            "lines": list(box.lines),
            "whole": box.whole,
            "x": box.x,
            "y": box.y,
            "width": box.width,
            "height": box.height,
            "stacked": box.stacked,
            "outer": box.outer,
        }
        for box in drawing.boxes
    ]
    lines: list[JsonValue] = [{"path": line.path, "hole": line.hole} for line in drawing.lines]
    return {
        "width": drawing.width,
        "height": drawing.height,
        "boxes": boxes,
        "lines": lines,
        "says": drawing.says,
    }


async def _task(seen: _Seen, row: TaskRow) -> Data:
    node = seen.found.nodes.get(row.task)
    return {
        "name": row.task,
        "step": template_of(step_of(row.task)[0]),
        "agent": row.agent,
        "state": row.state,
        "what": row.what,
        "why": row.why,
        "model": None if node is None else node.model,
        "version": "" if node is None else node.version,
        "reused": node is not None and node.reused,
        "taint": list(row.taint),
        "tokens": [row.input_tokens, row.output_tokens],
        "tries": [_try(each) for each in seen.times.tasks.get(row.task, ())],
        "inputs": [] if node is None else [await _input(seen, fed) for fed in node.inputs],
        "reduced": [] if node is None else [reduction(record) for record in node.reduced],
        "output": None if node is None or node.output is None else await _value(seen, node.output),
        "late": [] if node is None else _late(node),
        "context": await _context(seen, row.task),
    }


def _try(each: Try) -> Data:
    settled = each.settled
    return {
        "attempt": each.attempt,
        "ordered": each.ordered_ms,
        "begun": each.begun_ms,
        "settled": each.settled_ms,
        "outcome": settled.outcome,
        "deliveries": settled.deliveries,
        "worker": settled.worker.removeprefix("argosy/worker/"),
        "offset": each.offset,
        "tokens": [settled.usage.input_tokens, settled.usage.output_tokens],
        "fault": "" if settled.fault is None else settled.fault.said,
    }


def _late(node: Node) -> list[JsonValue]:
    """List other results of a task, which did not count."""
    own = None if node.output is None else hash_of(node.output)
    return [
        f"attempt {each.settled.attempt} at offset {each.offset}: sha256 {hash_of(each.settled.result)}"
        for each in node.attempts
        if not each.counted and each.settled.result is not None and hash_of(each.settled.result) != own
    ]


async def _input(seen: _Seen, fed: Fed) -> Data:
    parts = [part.entry for part in fed.parts]
    size = sum(part.bytes for part in parts if not isinstance(part, HoleInput))
    text = None
    if size <= _MOST_READ and len(parts) <= _PARTS:
        text = _text(await seen.evidence.fed_value(fed), seen.most)
    single = parts[0] if len(parts) == 1 else None
    return {
        "name": fed.given.name,
        "how": how_given(fed),
        "of": list(fed.sources[:_PARTS]),
        "more": max(0, len(fed.sources) - _PARTS),
        "tokens": sum(part.tokens for part in parts if not isinstance(part, HoleInput)),
        "bytes": size,
        "sha256": None if single is None or isinstance(single, HoleInput) else hash_of(single),
        "taint": list(taint_of(fed)),
        "holes": [
            f"{local_part(each.hole.task_id)} {each.hole.outcome}: {each.hole.reason}"
            for each in holes_in(fed)
        ],
        "text": text,
    }


async def _value(seen: _Seen, payload: Payload) -> Data:
    text = None
    if payload.bytes <= _MOST_READ:
        text = _text(await seen.evidence.value(payload), seen.most)
    return {"sha256": hash_of(payload), "bytes": payload.bytes, "tokens": payload.tokens, "text": text}


def _text(value: JsonValue, most: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    shown = text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
    return printable(shown)


async def _context(seen: _Seen, local: str) -> JsonValue:
    try:
        shown, room = await context_of(seen.history, local, seen.payloads)
    except (NotFound, LookupError, TypeError):
        return None
    if shown.window is None or room is None:
        return None
    found: JsonValue = to_jsonable_python(asdict(shown) | {"room": room})
    if isinstance(found, dict):
        found.pop("reduced")
    return found


def _log(history: History) -> list[JsonValue]:
    return [to_jsonable_python(each) for each in causal_history(history)[:_RECORDS]]
