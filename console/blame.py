"""Which agent made the error: back from a run's outcome to the task that first had a text or a value, or lost it.

The history and the values alone decide; no clock is asked.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pydantic import JsonValue

from argosy.broker.store import Payloads
from argosy.console.about import about_what
from argosy.console.blame_facts import Blame, Lost, TaskTold
from argosy.console.blame_pieces import pieces
from argosy.console.blame_suspects import suspects
from argosy.console.blame_told import told
from argosy.console.blame_way import Trail, forward, walk
from argosy.console.evidence import Evidence
from argosy.console.lineage import lineage
from argosy.console.lineage_facts import CONSTANT, Lineage, Node
from argosy.console.run_history import History
from argosy.console.sought import Sought
from argosy.schemas.edges import INPUT
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import SignalReceived, StepRecorded

MOST_TOLD: Final = 10
"""Tasks that are told of, of a kind."""


async def blame(history: History, payloads: Payloads, about: str = "") -> Blame:
    """Find who made what a run's outcome has, or lost what it hasn't.

    `about`: a field of the outcome (`.markdown`, `facts[2]`), else a text that is looked for in all values; empty:
    whom to suspect. Raises NotFound for a field that the outcome hasn't, Unreachable if the payload store is away.
    """
    found = lineage(history)
    outcome = await _outcome(history, payloads)
    path, value = about_what(about, outcome)
    sought = None if value is None else Sought(value)
    if sought is not None and sought.is_nothing:
        sought = None
    evidence = Evidence(payloads, (lambda _: False) if sought is None else sought.within)
    ended = history.ended
    result = Blame(
        history.run_id,
        "active" if ended is None else ended.outcome,
        "" if sought is None else sought.said,
        path,
        "suspects",
        fault=None if ended is None else ended.fault,
        fold_error=history.broken,
    )
    if sought is None:
        result.suspects, result.skipped = await suspects(history, found, evidence, payloads)
    else:
        await _Asked(history, found, evidence, payloads, sought).answer(result, outcome)
    result.gone = tuple(evidence.gone)
    return result


async def _outcome(history: History, payloads: Payloads) -> JsonValue:
    ended = history.ended
    if ended is None or ended.result is None:
        return None
    return await Evidence(payloads, lambda _: False).value(ended.result)


class _Asked:
    """The answer to a question about one text or value."""

    def __init__(
        self, history: History, found: Lineage, evidence: Evidence, payloads: Payloads, sought: Sought
    ) -> None:
        self._history, self._found, self._evidence = history, found, evidence
        self._payloads, self._sought = payloads, sought

    async def answer(self, result: Blame, outcome: JsonValue) -> None:
        result.in_outcome = outcome is not None and self._sought.within(outcome)
        result.in_input = await self._evidence.has(self._found.input)
        result.recorded = tuple(self._recorded())
        trail = Trail()
        if result.in_outcome:
            trail = await walk(self._found, self._evidence)
        makers = [self._found.nodes[name] for name in self._found.nodes if name in trail.makers]
        if makers or trail.given or trail.written:
            result.verdict = "made" if makers else "given" if trail.given else "written"
            result.way = trail.way(
                makers[0].local if makers else INPUT if trail.given else CONSTANT, self._found
            )
            result.pieces = await pieces(self._sought.value, self._found, self._payloads)
        else:
            makers = await self._elsewhere(result)
            if self._found.picked and any(
                [await self._evidence.has(each.entry) for each in self._found.outcome]
            ):
                result.notes.append(f"the run returns only the part {self._found.picked} of what has it")
        result.made_by = tuple([await self._told(node) for node in makers[:MOST_TOLD]])
        if len(makers) > MOST_TOLD:
            result.notes.append(f"{len(makers) - MOST_TOLD} more tasks made it")

    async def _elsewhere(self, result: Blame) -> list[Node]:
        """Look at all tasks: the outcome hasn't got it, or there is none."""
        gave: dict[str, Node] = {}
        got: dict[str, str] = {}
        withheld: dict[str, str] = {}
        for name, node in self._found.nodes.items():
            if node.role == "plan":
                continue
            if await self._evidence.has(node.output):
                gave[name] = node
            for fed in node.inputs:
                if await self._evidence.fed_has(fed):
                    got.setdefault(name, fed.given.name)
                elif fed.given.select and any([await self._evidence.has(part.entry) for part in fed.parts]):
                    withheld.setdefault(name, fed.given.name)
        makers = [node for name, node in gave.items() if name not in got]
        dropped = [name for name in got if name not in gave and self._found.nodes[name].output is not None]
        result.lost = tuple(
            [await self._lost(name, got[name], dropped=True) for name in reversed(dropped[-MOST_TOLD:])]
        ) or tuple(
            [await self._lost(name, of, dropped=False) for name, of in [*withheld.items()][:MOST_TOLD]]
        )
        if makers or result.in_input:
            began = makers[0].local if makers else INPUT
            result.way = await forward(self._found, self._evidence, began)
        ended = result.outcome == "succeeded"
        if not (gave or got or result.in_input or result.recorded):
            result.verdict = "nowhere"
        elif ended:
            result.verdict = "lost"
        else:
            result.verdict = "made" if makers else "given"
        return makers

    async def _lost(self, name: str, given: str, *, dropped: bool) -> Lost:
        task = await self._told(self._found.nodes[name])
        if self._found.nodes[name].role == "summary":
            readers = (self._found.nodes[each] for each in self._found.readers.get(name, ()))
            task = replace(task, reduced=next((each.reduced for each in readers if each.reduced), ()))
        of = next(each for each in task.inputs if each.given.name == given)
        text = of.text
        return Lost(task, given, "dropped" if dropped else "not_given", of.given.tokens, task.tokens, text)

    async def _told(self, node: Node) -> TaskTold:
        return await told(node, self._evidence, self._payloads, self._sought)

    def _recorded(self) -> Iterator[str]:
        for logged in self._history.records:
            message = logged.message
            if isinstance(message, StepRecorded) and self._sought.within(message.value):
                yield f"memo {message.name} of {local_part(message.task_id)} at offset {logged.offset}"
            if isinstance(message, SignalReceived) and self._sought.within(message.value):
                yield f"signal {message.name} at offset {logged.offset}"
