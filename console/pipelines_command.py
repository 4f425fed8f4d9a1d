"""`argosy pipelines list|show`: what is published, and a pipeline's DAG as a tree."""

import asyncio
from typing import Annotated

import typer

from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.dag import branches, in_words
from argosy.console.moments import moment
from argosy.console.output import note, printable, show, show_table
from argosy.console.process_life import open_services
from argosy.console.published import Published, find, pipelines_of
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.settings import Settings

pipelines = typer.Typer(help="Published pipelines, and their DAGs.", no_args_is_help=True)

App = Annotated[str | None, typer.Option("--app", help="Those of this file or module, published or not.")]
COLUMNS = ("PIPELINE", "LATEST", "STEPS", "AGENTS", "PUBLISHED")


@pipelines.command("list")
def list_pipelines(*, app: App = None) -> None:
    """List pipelines with their agents."""
    found = asyncio.run(_pipelines(load_settings(), app))
    rows = [
        (
            each.key,
            "yes" if each.latest else "",
            len(each.pipeline.steps),
            ", ".join(sorted(each.pipeline.agents)),
            moment(each.time_ms) if each.time_ms else "no",
        )
        for each in found
    ]
    data = [
        {
            "pipeline": each.key,
            "latest": each.latest,
            "identity": each.pipeline.identity,
            "steps": [step.name for step in each.pipeline.steps],
            "agents": sorted(each.pipeline.agents),
            "published_ms": each.time_ms or None,
            "offset": each.offset if each.offset >= 0 else None,
        }
        for each in found
    ]
    show_table(COLUMNS, rows, {"pipelines": data})
    if not found:
        note("none is published: argosy publish APP")


@pipelines.command("show")
def show_pipeline(
    name: Annotated[str, typer.Argument(help="NAME, or NAME@VERSION.")], *, app: App = None
) -> None:
    """Show a pipeline's DAG as a tree; with --json the compiled document itself."""
    found = find(asyncio.run(_pipelines(load_settings(), app)), name)
    show(found.pipeline.dump(), printable(_tree(found.pipeline)))


def _tree(pipeline: CompiledPipeline) -> str:
    lines = [f"{pipeline.name}@{pipeline.version}  returns {pipeline.returns.source}"]
    for branch in branches(pipeline):
        beside = f"  ← {', '.join(branch.joins)}" if branch.joins else ""
        lines.append(f"{branch.lead}{branch.name}  {in_words(branch.step)}{beside}")
    return "\n".join(lines)


async def _pipelines(settings: Settings, app: str | None) -> list[Published]:
    async with open_services(settings, "pipelines") as services:
        return await pipelines_of(services.cluster, TopicNames(settings.kafka.topic_prefix), app)
