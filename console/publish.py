"""`argosy publish APP`: compiled pipelines to their topic, so that a submit may just name one."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.interruption import if_interrupted
from argosy.console.output import show_table
from argosy.console.process_life import open_services
from argosy.console.published import published
from argosy.coordinator.registry import publish as publish_one
from argosy.coordinator.unsupported import unsupported
from argosy.pipelines.discover import discover
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.settings import Settings

COLUMNS = ("PIPELINE", "STEPS", "AGENTS", "WHAT")


What = Literal["published", "was published already"]


@dataclass(frozen=True, slots=True)
class Line:
    """What became of one pipeline."""

    pipeline: str
    steps: int
    agents: tuple[str, ...]
    what: What


def publish(
    app: Annotated[
        str, typer.Argument(metavar="APP[:PIPELINE]", help="A Python file or module; all its pipelines.")
    ],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Also if another pipeline of this name and version is published.")
    ] = False,
) -> None:
    """Publish an app's pipelines; a bare name means the version that was published last.

    Safe to repeat. Two that differ under one name and version are an error: raise the version.
    """
    pipelines = [pipeline.compile() for pipeline in discover(app).pipelines.values()]
    if not pipelines:
        raise ConfigurationError(
            f"{app} has no pipelines", do="define one: Pipeline('name', takes=…, gives=…)"
        )
    total = len(pipelines)

    def tell(done: int) -> None:
        if_interrupted(f"{done} of {total} pipelines are published, the next may be; it is safe to repeat")

    lines = asyncio.run(publish_all(load_settings(), pipelines, force=force, before_each=tell))
    rows = [(line.pipeline, line.steps, ", ".join(line.agents), line.what) for line in lines]
    show_table(COLUMNS, rows, {"pipelines": lines})


async def publish_all(
    settings: Settings,
    pipelines: Sequence[CompiledPipeline],
    *,
    force: bool,
    before_each: Callable[[int], None] = lambda _: None,
) -> list[Line]:
    """Publish what isn't yet; `before_each` hears how many are. Raises ConfigurationError, Unreachable, Refused.

    `force`: also where another pipeline of that name and version is published. Idempotent.
    """
    names = TopicNames(settings.kafka.topic_prefix)
    source = f"argosy/publish/{socket.gethostname()}-{os.getpid()}"
    lines: list[Line] = []
    async with open_services(settings, "publish") as services:
        there = {each.key: each for each in await published(services.cluster, names)}
        for pipeline in pipelines:
            key = f"{pipeline.name}@{pipeline.version}"
            before = there.get(key)
            _check(pipeline, key, None if before is None else before.pipeline, force=force)
            same = before is not None and before.latest and before.pipeline.identity == pipeline.identity
            before_each(len(lines))
            if not same:
                await publish_one(await services.cluster.producer(), names, pipeline, source)
            what: What = "was published already" if same else "published"
            lines.append(Line(key, len(pipeline.steps), tuple(sorted(pipeline.agents)), what))
    return lines


def _check(pipeline: CompiledPipeline, key: str, before: CompiledPipeline | None, *, force: bool) -> None:
    wrong = unsupported(pipeline)
    if wrong:
        raise ConfigurationError(f"{key} can't run yet", "; ".join(wrong), "change the pipeline")
    if before is not None and before.identity != pipeline.identity and not force:
        raise ConfigurationError(
            f"another {key} is published already",
            "whoever names it would get other steps or contracts than before",
            f'raise its version: Pipeline("{pipeline.name}", version=…), or --force',
        )
