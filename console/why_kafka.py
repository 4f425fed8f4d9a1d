"""What Kafka knows of a run that may not be going on: its log, its lane's group, its submit, its work messages."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from argosy.broker.cluster import KafkaCluster
from argosy.broker.lag import GroupLag, group_lag
from argosy.broker.log import Partition
from argosy.broker.topics import TopicNames
from argosy.console.dag import named_steps
from argosy.console.run_history import History, history
from argosy.console.system_words import place_of
from argosy.console.why_facts import Group, Refusal, Submit
from argosy.console.why_submit import ask_submit, envelope_of
from argosy.coordinator.step_plan import template_of
from argosy.schemas.contract import AgentContract
from argosy.schemas.envelope import Envelope
from argosy.schemas.ids import lane_of, step_of
from argosy.schemas.settings import Settings

MOST_MESSAGES: Final = 20_000
"""Of one partition: how far a message is looked for behind a group's commit."""


@dataclass(frozen=True, slots=True)
class Place:
    """A work message that its group has not committed."""

    partition: int
    offset: int
    committed: int


@dataclass(slots=True)
class FromKafka:
    """All of it. `history` None: topics are missing, all or some."""

    history: History | None = None
    no_topics: bool = False
    """None of them is there."""
    missing: tuple[str, ...] = ()
    """Those that aren't."""
    log_end: int = 0
    owner: str = ""
    lanes: Group | None = None
    receivers: Group | None = None
    submit: Submit | None = None
    refusal: Refusal | None = None
    agents: dict[str, Group] = field(default_factory=dict[str, Group])
    places: dict[str, Place] = field(default_factory=dict[str, Place])
    """By `<task>#<attempt>`."""


async def ask_kafka(cluster: KafkaCluster, settings: Settings, run_id: str, now_ms: int) -> FromKafka:
    """Ask for all of it; changes nothing. Raises Unreachable and Refused."""
    names, found = TopicNames(settings.kafka.topic_prefix), FromKafka()
    topics = await cluster.topic_names()
    needed = (names.inbox, names.runs, names.results, names.pipelines)
    found.missing = tuple(name for name in needed if name not in topics)
    found.no_topics = len(found.missing) == len(needed)
    if found.missing:
        return found
    lane = Partition(names.runs, lane_of(run_id, settings.fleet.lanes))
    view, owners, inbox = await asyncio.gather(
        cluster.group(names.lanes),
        cluster.owners(names.lanes),
        group_lag(cluster, names.receivers, names.inbox, now_ms),
    )
    found.owner = owners.get(lane, "")
    found.lanes = Group(names.lanes, names.runs, view.members, 0, 0.0)
    found.receivers = _group(inbox)
    found.history = await history(cluster, settings, run_id)
    found.log_end = (await cluster.edges(lane))[1]
    if found.history.accepted is None:
        wait_seconds = settings.fleet.unknown_pipeline_seconds
        found.submit, found.refusal = await ask_submit(cluster, names, run_id, inbox, wait_seconds)
    elif found.history.ended is None:
        wanted = _open_attempts(found.history)
        for agent in sorted(set(wanted.values())):
            if names.tasks(agent) not in topics:
                found.agents[agent] = Group(names.group(agent), names.tasks(agent), 0, 0, 0.0, exists=False)
                continue
            lag = await group_lag(cluster, names.group(agent), names.tasks(agent), now_ms)
            found.agents[agent] = _group(lag)
            found.places |= await _places(cluster, lag, {name for name, of in wanted.items() if of == agent})
    return found


def agent_of(found: History, local: str) -> str:
    """Name the agent of a task, by its step; the step's name where the plan has none."""
    place = place_of(found, local) if "/p" in local else None
    if place is not None and place.system is not None:
        return place.agent
    step = template_of(step_of(local)[0]).removesuffix("~*")
    named = named_steps(found.accepted.pipeline) if found.accepted else ()
    return next((each.step.agent for each in named if each.name == step and each.step.agent), step)


def contract_of(found: History, agent: str) -> AgentContract | None:
    """Give an agent's contract as the run pinned it."""
    named = named_steps(found.accepted.pipeline) if found.accepted else ()
    return next((each.agents[agent] for each in named if agent in each.agents), None)


def _open_attempts(found: History) -> dict[str, str]:
    """Map `<task>#<attempt>` of what is ready or out to its agent."""
    state = found.state
    if state is None:
        return {}
    tasks = ((local, state.task(local)) for local in state.tasks())
    return {
        f"{found.run_id}/{local}#{task.attempt}": agent_of(found, local)
        for local, task in tasks
        if task is not None and task.letter == "r"
    }


def _group(lag: GroupLag) -> Group:
    return Group(lag.group, lag.topic, lag.members, lag.waiting, lag.seconds)


async def _places(cluster: KafkaCluster, lag: GroupLag, wanted: set[str]) -> dict[str, Place]:
    """Find work messages among those that the group has not committed."""
    found: dict[str, Place] = {}
    for one in lag.partitions:
        if not one.waiting or len(found) == len(wanted):
            continue
        start = one.start if one.committed is None else one.committed
        async for offset, envelope, _ in _messages(cluster, Partition(lag.topic, one.partition), start):
            if envelope.id in wanted:
                found.setdefault(envelope.id, Place(one.partition, offset, start))
    return found


async def _messages(
    cluster: KafkaCluster, partition: Partition, start: int
) -> AsyncIterator[tuple[int, Envelope, int]]:
    count = 0
    async for record in cluster.scan(partition, start):
        count += 1
        if count > MOST_MESSAGES:
            return
        if (envelope := envelope_of(record.headers)) is not None:
            yield record.offset, envelope, record.timestamp_ms
