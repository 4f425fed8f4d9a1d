"""One task as blame tells of it: tries, inputs, holes, what was cut, and what its figures say against it."""

from collections.abc import Iterator
from typing import Final

from argosy.broker.store import Payloads
from argosy.console.blame_facts import AttemptTold, HoleTold, InputTold, TaskTold
from argosy.console.context_view import input_shown
from argosy.console.evidence import Evidence, holes_in
from argosy.console.figures import MOST, contradictions, unsupported
from argosy.console.lineage_facts import Attempt, Fed, Node, hash_of
from argosy.console.sought import Sought
from argosy.schemas.ids import local_part
from argosy.schemas.taint import UNTAINTED, Taint, united
from argosy.schemas.task import HoleInput

MOST_BYTES: Final = 1024 * 1024
"""Of an input whose figures are looked at."""


async def told(node: Node, evidence: Evidence, payloads: Payloads, sought: Sought | None) -> TaskTold:
    """Tell of a task."""
    output = None if node.output is None else await evidence.value(node.output)
    values = {
        fed.given.name: await evidence.fed_value(fed) for fed in node.inputs if _size(fed) <= MOST_BYTES
    }
    silent = node.role in ("given", "gathered") or any(_is_unread(fed, evidence) for fed in node.inputs)
    new = () if silent else unsupported(output, values.values())
    against = contradictions(new, output, values)
    return TaskTold(
        task=node.local,
        what=node.what or node.local,
        agent=node.agent,
        model=node.model,
        version=node.version,
        offset=node.offset,
        reused=node.reused,
        attempts=tuple([await _attempt(each, evidence, sought) for each in node.attempts]),
        inputs=tuple([await _input(fed, evidence, payloads, sought) for fed in node.inputs]),
        holes=tuple(hole for fed in node.inputs for hole in _holes(fed)),
        reduced=node.reduced,
        sha256=None if node.output is None else hash_of(node.output),
        tokens=0 if node.output is None else node.output.tokens,
        taint=UNTAINTED if node.output is None else node.output.taint,
        text="" if sought is None or output is None else sought.shown(output),
        contradictions=against[:MOST],
        unsupported=tuple(claim.figure for claim in new[:MOST]),
        gone=tuple(evidence.gone),
    )


async def _attempt(each: Attempt, evidence: Evidence, sought: Sought | None) -> AttemptTold:
    settled = each.settled
    return AttemptTold(
        offset=each.offset,
        attempt=settled.attempt,
        outcome=settled.outcome,
        deliveries=settled.deliveries,
        by=each.by.removeprefix("argosy/"),
        counted=each.counted,
        input_tokens=settled.usage.input_tokens,
        output_tokens=settled.usage.output_tokens,
        fault=settled.fault,
        sha256=None if settled.result is None else hash_of(settled.result),
        has=None if sought is None or settled.result is None else await evidence.has(settled.result),
    )


async def _input(fed: Fed, evidence: Evidence, payloads: Payloads, sought: Sought | None) -> InputTold:
    has = None if sought is None else await evidence.fed_has(fed)
    text = ""
    if has and sought is not None:
        value = await evidence.fed_value(fed)
        text = sought.shown(value)
    return InputTold(
        await input_shown(fed.given, payloads), fed.sources, fed.given.select, taint_of(fed), has, text
    )


def taint_of(fed: Fed) -> Taint:
    """Unite the marks of an input."""
    return united(*(part.entry.taint for part in (*fed.parts, *fed.summaries)))


def _holes(fed: Fed) -> Iterator[HoleTold]:
    for each in holes_in(fed):
        yield HoleTold(fed.given.name, local_part(each.hole.task_id), each.hole.outcome, each.hole.reason)


def _is_unread(fed: Fed, evidence: Evidence) -> bool:
    """Say whether an input is too large to be looked at, or gone: any figure may have come from it."""
    entries = [part.entry for part in fed.parts]
    return _size(fed) > MOST_BYTES or any(
        not isinstance(entry, HoleInput) and hash_of(entry) in evidence.gone for entry in entries
    )


def _size(fed: Fed) -> int:
    return sum(part.entry.bytes for part in fed.parts if not isinstance(part.entry, HoleInput))
