"""Pipelines: all that are published or had runs, and one of them, drawn, with the contracts of its agents."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from argosy.console.dag import in_words, named_steps
from argosy.console.dashboard_graph import draw
from argosy.console.dashboard_index import Filter
from argosy.console.dashboard_page import Asked, Item, Region, View
from argosy.console.dashboard_run_page import DagFacts
from argosy.console.dashboard_states import shown
from argosy.console.moments import moment
from argosy.console.published import Published
from argosy.schemas.errors import NotFound
from argosy.schemas.pipeline import CompiledPipeline

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk


@dataclass(frozen=True, slots=True)
class Count:
    """Runs in a state."""

    state: str
    count: int
    css: str


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """A row."""

    key: str
    name: str
    version: str
    latest: bool
    steps: int
    agents: tuple[str, ...]
    published: str
    runs: tuple[Count, ...]


@dataclass(frozen=True, slots=True)
class StepWords:
    """A step in words."""

    name: str
    does: str
    after: str


async def look_pipelines(desk: "Desk", _: Asked) -> View:
    """List pipelines."""
    runs = desk.index.pipelines()
    rows: list[Item] = []
    seen: set[str] = set()
    for each in await every(desk):
        name = each.pipeline.name
        counts = runs.get(name, Counter[str]()) if each.latest else Counter[str]()
        seen.add(name)
        facts = PipelineFacts(
            each.key,
            name,
            each.pipeline.version,
            each.latest,
            len(each.pipeline.steps),
            tuple(sorted(each.pipeline.contracts())),
            moment(each.time_ms) if each.time_ms else "not published",
            tuple(Count(state, count, shown(state).css) for state, count in counts.items() if count),
        )
        rows.append(Item(each.key, facts))
    return View("Pipelines", (Region("rows", "run_items.html:pipeline_row", tuple(rows)),))


async def every(desk: "Desk") -> list[Published]:
    """Give those that are published, and of others what their newest run was accepted with."""
    found = list(await desk.pipelines.get())
    names = {each.pipeline.name for each in found}
    others = [(name, await _of_a_run(desk, name)) for name in desk.index.pipelines() if name not in names]
    found += [
        Published(f"{name}@{pipeline.version}", -1, 0, latest=True, pipeline=pipeline)
        for name, pipeline in others
        if pipeline is not None
    ]
    return sorted(found, key=lambda each: (each.pipeline.name, -each.offset))


async def _of_a_run(desk: "Desk", name: str) -> CompiledPipeline | None:
    lines = desk.index.find(Filter(pipeline=name), size=1).lines
    if not lines:
        return None
    kept = await desk.history(lines[0].run_id)
    return None if kept.history.accepted is None else kept.history.accepted.pipeline


async def look_pipeline(desk: "Desk", asked: Asked) -> View:
    """Show one pipeline."""
    key = asked.params["key"]
    found = [
        each for each in await every(desk) if each.key == key or (each.latest and each.pipeline.name == key)
    ]
    if not found:
        raise NotFound(
            f"no pipeline {key[:200]}", "it is not published, and no run of it is known", "see the list"
        )
    return pipeline_view(found[-1])


def pipeline_view(found: Published) -> View:
    """Make the page. Pure."""
    pipeline = found.pipeline
    steps = [
        StepWords(each.name, in_words(each.step), ", ".join(each.parents)) for each in named_steps(pipeline)
    ]
    return View(
        f"Pipeline {found.key}",
        (Region("dag", "run_items.html:dag", (Item("dag", DagFacts(draw(pipeline), "")),)),),
        {
            "key": found.key,
            "name": pipeline.name,
            "returns": pipeline.returns.source,
            "deadline": pipeline.deadline_seconds,
            "identity": pipeline.identity,
            "steps": steps,
            "contracts": tuple(sorted(pipeline.contracts().items())),
        },
    )
