"""The pipelines that are published: read from their topic, without a coordinator."""

from dataclasses import dataclass

from pydantic import ValidationError

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Partition
from argosy.broker.topics import TopicNames
from argosy.pipelines.discover import discover
from argosy.schemas.contract import AgentContract
from argosy.schemas.errors import ConfigurationError, NotFound
from argosy.schemas.pipeline import CompiledPipeline


@dataclass(frozen=True, slots=True)
class Published:
    """A published pipeline. `latest`: it is what its bare name means."""

    key: str
    """`name@version`."""
    offset: int
    time_ms: int
    latest: bool
    pipeline: CompiledPipeline


async def published(cluster: KafkaCluster, names: TopicNames) -> list[Published]:
    """Read all, oldest first; what this release can't read is left out. Raises ConfigurationError, Unreachable."""
    if names.pipelines not in await cluster.topic_names():
        raise ConfigurationError(
            f"there is no fleet: Kafka has no topic {names.pipelines}",
            do="argosy topics apply, or argosy coordinator",
        )
    kept: dict[str, Published] = {}
    async for record in cluster.scan(Partition(names.pipelines, 0), 0):
        key = (record.key or b"").decode(errors="replace")
        kept.pop(key, None)
        if record.value is None:
            continue
        try:
            pipeline = CompiledPipeline.model_validate_json(record.value)
        except ValidationError:
            continue
        kept[key] = Published(key, record.offset, record.timestamp_ms, latest=False, pipeline=pipeline)
    last = {each.pipeline.name: each.key for each in kept.values()}
    return [
        Published(each.key, each.offset, each.time_ms, last[each.pipeline.name] == each.key, each.pipeline)
        for each in kept.values()
    ]


async def pipelines_of(cluster: KafkaCluster, names: TopicNames, app: str | None) -> list[Published]:
    """Give the pipelines of an app, or else those that are published."""
    if app is None:
        return await published(cluster, names)
    compiled = [pipeline.compile() for pipeline in discover(app).pipelines.values()]
    return [Published(f"{each.name}@{each.version}", -1, 0, latest=True, pipeline=each) for each in compiled]


def find(among: list[Published], name: str) -> Published:
    """Find a pipeline by `name` or `name@version`; NotFound names those that there are."""
    wanted = [each for each in among if each.key == name or (each.latest and each.pipeline.name == name)]
    if not wanted:
        there = ", ".join(each.key for each in among) or "none"
        raise NotFound(f"no pipeline {name}", f"there are: {there}", "argosy publish APP, or --app APP")
    return wanted[-1]


def contracts_of(among: list[Published]) -> dict[str, AgentContract]:
    """Give each agent's contract as the pipeline that was published last has it, child pipelines included."""
    found: dict[str, AgentContract] = {}
    for each in among:
        for whole in each.pipeline.whole():
            found.update(whole.agents)
    return dict(sorted(found.items()))
