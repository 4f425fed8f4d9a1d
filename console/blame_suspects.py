"""Whom to suspect when nothing is asked about: what speaks against each task on which an outcome depends."""

from collections.abc import Iterator
from typing import Final

from argosy.broker.store import Payloads
from argosy.console.blame_facts import Suspect, TaskTold
from argosy.console.blame_told import told
from argosy.console.evidence import Evidence
from argosy.console.lineage_facts import Lineage, Node
from argosy.console.numbers import counted
from argosy.console.run_history import History
from argosy.console.system_words import reduction
from argosy.schemas.ids import local_part
from argosy.schemas.taint import united

MOST_LOOKED: Final = 500
"""Tasks whose values are read."""
MOST_SHOWN: Final = 20
_Point = tuple[int, str]


async def suspects(
    history: History, found: Lineage, evidence: Evidence, payloads: Payloads
) -> tuple[tuple[Suspect, ...], int]:
    """List them, the one with most against it first; and say how many tasks were not looked at.

    What is counted: a figure that contradicts an input's 10, the fault that the run failed by 20, a hole 4, figures
    without a source 3 and 1 for each (3 at most), a summary in place of an input 3, an output of nothing 3, another
    result that came too late 3, a failed attempt 2, pages 1, a lost delivery 1, tainted inputs 1.
    """
    fault = history.ended.fault if history.ended is not None else None
    guilty = local_part(fault.task_id) if fault is not None and fault.task_id and "/" in fault.task_id else ""
    roots = [part.source for part in found.outcome] or [guilty or name for name in found.nodes]
    nodes = [
        node for node in found.upstream(*roots).values() if node.role not in ("plan", "given", "gathered")
    ]
    listed: list[Suspect] = []
    for node in nodes[-MOST_LOOKED:]:
        task = await told(node, evidence, payloads, None)
        points = [*_of_attempts(task), *_of_inputs(task), *_of_output(task, node)]
        if node.local == guilty and fault is not None:
            points.insert(0, (20, f"the run failed by it: {fault.said}"))
        if points:
            score = sum(point for point, _ in points)
            reasons = sorted(points, key=lambda entry: -entry[0])
            listed.append(Suspect(task, score, tuple(reason for _, reason in reasons)))
    listed.sort(key=lambda suspect: -suspect.score)
    return tuple(listed[:MOST_SHOWN]), max(0, len(nodes) - MOST_LOOKED)


def _of_attempts(task: TaskTold) -> Iterator[_Point]:
    for each in task.attempts:
        if each.counted and each.outcome != "succeeded":
            why = "" if each.fault is None else f": {each.fault.said}"
            yield 2, f"attempt {each.attempt} {each.outcome}{why}"
        elif not each.counted and each.sha256 not in (None, task.sha256):
            yield 3, f"attempt {each.attempt} gave another result, which did not count"
    lost = sum(max(0, each.deliveries - 1) for each in task.attempts if each.counted)
    if lost:
        yield 1, f"{counted(lost, 'delivery', 'deliveries')} lost, and made again"


def _of_inputs(task: TaskTold) -> Iterator[_Point]:
    for hole in task.holes:
        yield 4, f"{hole.input} is missing {hole.task}, {hole.outcome}: {hole.reason}"
    for record in task.reduced:
        yield (3 if record.method == "summarise" else 1), reduction(record)
    if taint := united(*(given.taint for given in task.inputs)):
        yield 1, f"inputs tainted by {', '.join(taint)}"


def _of_output(task: TaskTold, node: Node) -> Iterator[_Point]:
    for each in task.contradictions:
        yield (
            10,
            (
                f"{each.input} says {each.was}, its output {each.became}: "
                f"“{each.input_text}” became “{each.output_text}”"
            ),
        )
    against = {each.became for each in task.contradictions}
    alone = [figure for figure in task.unsupported if figure not in against and len(figure) > 1]
    if alone and task.inputs:
        yield 3 + min(3, len(alone)), f"figures that no input has: {', '.join(alone)}"
    if node.output is not None and node.output.tokens == 0:
        yield 3, "it gave nothing"
