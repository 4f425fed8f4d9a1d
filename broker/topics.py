"""The topics and consumer groups of one fleet: their names, and how each topic must be set up.

Every topic is stored uncompressed (`compression.type=uncompressed`): the broker unpacks what a client packed and checks
the size again. So any client may compress as it likes, and no reader of ours ever unpacks a bomb.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from argosy.schemas.settings import DAY_SECONDS, Settings

OVERHEAD_BYTES: Final = 65_536
"""A topic takes this much more than a message may have: headers and the frame of a record batch."""
Use = Literal["Read", "Write"]
"""What a process does with a topic, in the word of Kafka's rights."""

EVENTS_SECONDS: Final = DAY_SECONDS
DEAD_SECONDS: Final = 30 * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class TopicNames:
    """Names by prefix (`settings.kafka.topic_prefix`). No other module builds a topic's or a group's name."""

    prefix: str

    @property
    def inbox(self) -> str:
        """What clients send."""
        return f"{self.prefix}.inbox"

    @property
    def runs(self) -> str:
        """The run log; its partitions are the lanes."""
        return f"{self.prefix}.runs"

    @property
    def results(self) -> str:
        """One record per ended run, and refusals."""
        return f"{self.prefix}.results"

    @property
    def events(self) -> str:
        """Progress, for people who watch."""
        return f"{self.prefix}.events"

    @property
    def pipelines(self) -> str:
        """Published pipelines, compacted."""
        return f"{self.prefix}.pipelines"

    @property
    def dead(self) -> str:
        """Dead letters."""
        return f"{self.prefix}.dead"

    def tasks(self, agent: str) -> str:
        """Name the topic of one agent's work."""
        return f"{self.prefix}.tasks.{agent}"

    def agent_of(self, topic: str) -> str | None:
        """Return the agent whose work a topic holds, None if it is no work topic of this fleet."""
        start = f"{self.prefix}.tasks."
        return topic.removeprefix(start) if topic.startswith(start) and topic != start else None

    def used_by_worker(self, agents: Iterable[str]) -> dict[str, Use]:
        """Return the topics that a worker of these agents uses, and what for."""
        used: dict[str, Use] = {self.runs: "Write", self.events: "Write", self.dead: "Write"}
        for agent in agents:
            used[self.tasks(agent)] = "Read"
        return used

    def used_by_coordinator(self) -> dict[str, Use]:
        """Return the topics that a coordinator uses beside those of work, and what for first."""
        return {
            self.inbox: "Read",
            self.runs: "Read",
            self.pipelines: "Read",
            self.results: "Write",
            self.events: "Write",
            self.dead: "Write",
        }

    @property
    def used_by_gateway(self) -> dict[str, Use]:
        """Return the topics that a gateway uses, and what for."""
        return {self.inbox: "Write", self.results: "Read", self.events: "Read", self.pipelines: "Read"}

    @property
    def receivers(self) -> str:
        """The group that reads the inbox."""
        return f"{self.prefix}.receivers"

    @property
    def lanes(self) -> str:
        """The group that owns the lanes."""
        return f"{self.prefix}.lanes"

    def group(self, agent: str) -> str:
        """Name the group of one agent's workers."""
        return f"{self.prefix}.agent.{agent}"


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """How a topic must be. `exact`: more partitions than planned are as wrong as fewer, for they are lanes."""

    name: str
    partitions: int
    replication: int
    configs: Mapping[str, str]
    exact: bool = False


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """How a topic is. `leaderless` are the partitions that can't be used now."""

    name: str
    partitions: int
    replication: int = 1
    configs: Mapping[str, str] = field(default_factory=dict[str, str])
    leaderless: tuple[int, ...] = ()


def plan(settings: Settings, agents: Iterable[str] = ()) -> tuple[TopicPlan, ...]:
    """Plan the six topics of a fleet and one work topic per agent.

    The run log is kept twice as long as a run and the window for repeats, because state is rebuilt from it; the inbox
    no longer than a tombstone lives, because a repeat that outlives the tombstone would start its run again.
    """
    kafka, fleet = settings.kafka, settings.fleet
    names = TopicNames(kafka.topic_prefix)
    life = fleet.longest_run_seconds + fleet.window_seconds

    def topic(name: str, partitions: int, keep_seconds: int | None, *, exact: bool = False) -> TopicPlan:
        configs = _configs(kafka.max_message_bytes, kafka.replication, keep_seconds)
        return TopicPlan(name, partitions, kafka.replication, configs, exact)

    return (
        topic(names.inbox, kafka.inbox_partitions, fleet.longest_run_seconds),
        topic(names.runs, fleet.lanes, 2 * life, exact=True),
        topic(names.results, kafka.inbox_partitions, life),
        topic(names.events, kafka.inbox_partitions, EVENTS_SECONDS),
        topic(names.pipelines, 1, None),
        topic(names.dead, 1, max(DEAD_SECONDS, life)),
        *(topic(names.tasks(agent), kafka.work_partitions, life) for agent in sorted(set(agents))),
    )


def _configs(max_message_bytes: int, replication: int, keep_seconds: int | None) -> dict[str, str]:
    configs = {
        "cleanup.policy": "delete" if keep_seconds is not None else "compact",
        "compression.type": "uncompressed",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(max_message_bytes + OVERHEAD_BYTES),
        "min.insync.replicas": "2" if replication > 2 else "1",  # noqa: PLR2004 - two of three may be lost by none
        "retention.bytes": "-1",
    }
    if keep_seconds is not None:
        configs["retention.ms"] = str(keep_seconds * 1000)
    return configs
