"""The way of a value through a run: back from the outcome to who made it, or on from there as far as it came."""

from dataclasses import dataclass, field

from argosy.console.blame_facts import Link
from argosy.console.evidence import Evidence
from argosy.console.lineage_facts import CONSTANT, Fed, Lineage
from argosy.schemas.edges import INPUT
from argosy.schemas.task import HoleInput, PageOf

OUTCOME = ""
"""The reader at the end of the way."""


@dataclass(slots=True)
class Trail:
    """Where a value was met on the way back."""

    makers: dict[str, None] = field(default_factory=dict[str, None])
    given: bool = False
    written: bool = False
    readers: dict[str, dict[str, Fed | None]] = field(default_factory=dict[str, "dict[str, Fed | None]"])
    """By source: who had it of that, in which input."""

    def meet(self, source: str, reader: str, fed: Fed | None) -> None:
        """Note that a reader had it of a source."""
        self.readers.setdefault(source, {}).setdefault(reader, fed)

    def way(self, began: str, found: Lineage) -> tuple[Link, ...]:
        """Give the shortest way from a source to the outcome."""
        before = self._before(began)
        return self._links(began, OUTCOME, before, found) if OUTCOME in before else ()

    def furthest(self, began: str, found: Lineage) -> tuple[Link, ...]:
        """Give the way to the last task, in the order of the log, that it came to."""
        before = self._before(began)
        last = [name for name in found.nodes if name in before]
        return self._links(began, last[-1], before, found) if last else ()

    def _before(self, began: str) -> dict[str, str]:
        """Say, for each that it came to, of whom that had it by the shortest way: breadth first."""
        before: dict[str, str] = {}
        waiting = [began]
        for source in waiting:
            for reader in self.readers.get(source, {}):
                if reader not in before and reader != began:
                    before[reader] = source
                    waiting.append(reader)
        return before

    def _links(self, began: str, end: str, before: dict[str, str], found: Lineage) -> tuple[Link, ...]:
        links: list[Link] = []
        at = end
        while at != began:
            source = before[at]
            fed = self.readers[source][at]
            node = found.nodes.get(at)
            agent = "" if node is None else node.agent
            name, how = ("", "") if fed is None else (fed.given.name, how_given(fed))
            links.append(Link(at, agent, name, how, source))
            at = source
        return tuple(reversed(links))


async def walk(found: Lineage, evidence: Evidence) -> Trail:
    """Go back from the outcome, along the inputs that have it."""
    trail = Trail()
    waiting: list[str] = []
    having = [part for part in found.outcome if await evidence.has(part.entry)] or list(found.outcome)
    for part in having:
        trail.meet(part.source, OUTCOME, None)
        waiting.append(part.source)
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        sources = {} if name not in found.nodes else await carried(name, found, evidence)
        for source, fed in sources.items():
            trail.meet(source, name, fed)
            waiting.append(source)
        if name == INPUT:
            trail.given = True
        elif name == CONSTANT:
            trail.written = True
        elif not sources and name in found.nodes:
            trail.makers[name] = None
    return trail


async def carried(name: str, found: Lineage, evidence: Evidence) -> dict[str, Fed]:
    """Say of whom a task got it, and in which input."""
    sources: dict[str, Fed] = {}
    for fed in found.nodes[name].inputs:
        if not await evidence.fed_has(fed):
            continue
        parts = [part for part in fed.summaries if await evidence.has(part.entry)]
        if not parts and fed.given.item is None and len(fed.parts) > 1:
            parts = [part for part in fed.parts if await evidence.has(part.entry)]
        for part in parts or fed.parts:
            sources.setdefault(part.source, fed)
    return sources


async def forward(found: Lineage, evidence: Evidence, began: str) -> tuple[Link, ...]:
    """Go on from a task, along those that gave it on, and give the way to the last one that had it in an input."""
    trail = Trail()
    waiting = [began]
    seen: set[str] = set()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        for reader in found.readers.get(source, {}):
            of = (await carried(reader, found, evidence)).get(source)
            if of is None or found.nodes[reader].role == "plan":
                continue
            trail.meet(source, reader, of)
            if await evidence.has(found.nodes[reader].output):
                waiting.append(reader)
    return trail.furthest(began, found)


def how_given(fed: Fed) -> str:
    """Say in a few words how an input was given."""
    given = fed.given
    said: list[str] = []
    if given.gathered is not None:
        holes = sum(isinstance(part.entry, HoleInput) for part in fed.parts)
        said.append(f"one of {len(given.gathered)}" + (f", {holes} of them missing" if holes else ""))
    if given.item is not None:
        said.append(f"item {given.item} of {given.of}")
    if given.select:
        said.append(f"its part {given.select}")
    said += [
        f"page {cut.number + 1} of {cut.of}"
        if isinstance(cut, PageOf)
        else f"in {len(cut.summaries)} summaries"
        for cut in given.pages
    ]
    return ", ".join(said) or "whole"
