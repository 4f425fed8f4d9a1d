"""Topics as they are against topics as planned: make what is missing, say what is wrong and how to mend it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from argosy.broker.log import Cluster
from argosy.broker.rights import unseen, user_of
from argosy.broker.topics import FoundTopic, TopicPlan, Use, plan
from argosy.schemas.errors import ConfigurationError, NotAllowed
from argosy.schemas.settings import KafkaSettings, Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """A topic that isn't as planned. `fatal`: a fleet must not start on it."""

    topic: str
    problem: str
    cure: str
    fatal: bool


def compare(plans: Iterable[TopicPlan], found: Mapping[str, FoundTopic]) -> tuple[Finding, ...]:
    """Compare; in the order of the plans, nothing if all is well."""
    return tuple(finding for wanted in plans for finding in _compare_one(wanted, found.get(wanted.name)))


def _compare_one(wanted: TopicPlan, found: FoundTopic | None) -> Iterator[Finding]:
    name = wanted.name
    if found is None:
        yield Finding(name, "is missing", "start the coordinator, or `argosy up`: both create it", fatal=True)
        return
    if found.leaderless:
        numbers = ", ".join(map(str, found.leaderless))
        yield Finding(name, f"has no leader for partition {numbers}", "see which broker is down", fatal=False)
    if found.partitions != wanted.partitions and wanted.exact:
        yield Finding(
            name,
            f"has {_partitions(found.partitions)}, but lanes = {wanted.partitions}",
            f"set ARGOSY_FLEET__LANES={found.partitions}, or use another topic prefix: lanes never change under runs",
            fatal=True,
        )
    elif found.partitions < wanted.partitions:
        cure = f"kafka-topics.sh --alter --topic {name} --partitions {wanted.partitions}"
        yield Finding(
            name, f"has {_partitions(found.partitions)}, not {wanted.partitions}", cure, fatal=False
        )
    if found.replication < wanted.replication:
        problem = f"has {found.replication} replicas, not {wanted.replication}"
        yield Finding(name, problem, "reassign its partitions (kafka-reassign-partitions.sh)", fatal=False)
    for key, value in wanted.configs.items():
        actual = found.configs.get(key)
        if actual is not None and not _as_good(key, value, actual):
            cure = f"kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {key}={value}"
            yield Finding(name, f"has {key}={actual}, not {value}", cure, fatal=key in _FATAL)


_FATAL = frozenset({"cleanup.policy", "message.timestamp.type"})
"""Settings without which runs are lost or judged by a client's clock; the others cost comfort or safety margin."""

_AT_LEAST = frozenset({"max.message.bytes", "min.insync.replicas", "retention.bytes", "retention.ms"})


def _as_good(key: str, wanted: str, actual: str) -> bool:
    if key not in _AT_LEAST:
        return actual == wanted
    if key.startswith("retention.") and actual == "-1":
        return True
    return int(wanted) >= 0 and int(actual) >= int(wanted)


async def findings(cluster: Cluster, settings: Settings, agents: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Look, change nothing. For doctor. Raises Unreachable and Refused."""
    plans = plan(settings, agents)
    return compare(plans, await cluster.topics([wanted.name for wanted in plans]))


async def ensure(
    cluster: Cluster, settings: Settings, agents: Iterable[str] = (), *, only: Mapping[str, Use] | None = None
) -> tuple[Finding, ...]:
    """Create what is missing, wait for the leaders, return what isn't fatal. Idempotent; any process may call it.

    `only` names the topics that the caller uses (`TopicNames.used_by_worker`, …): others it may not even see. Raises
    ConfigurationError for what a fleet must not start on (a wrong number of lanes), Unreachable, and Refused where a
    topic isn't seen and may not be made.
    """
    plans = tuple(each for each in plan(settings, agents) if only is None or each.name in only)
    wrong = _refuse(compare(plans, await cluster.topics([wanted.name for wanted in plans])))
    missing = [finding.topic for finding in wrong if finding.problem == "is missing"]
    if missing:
        try:
            await cluster.create(plans)
        except NotAllowed as error:
            raise _unseen(missing[0], (only or {}).get(missing[0], "Read"), settings.kafka) from error
        wrong = _refuse(compare(plans, await cluster.topics([wanted.name for wanted in plans])))
    return wrong


def _unseen(topic: str, use: Use, kafka: KafkaSettings) -> NotAllowed:
    """Say what may be wrong with a topic that we neither see nor may create: Kafka hides what we have no right on."""
    why, grant = unseen(topic, use, kafka)
    return NotAllowed(
        f"topic {topic}: {user_of(kafka)} sees none, and may not Create it\n"
        f"  why: {why}\n"
        f"  do:  {grant}\n"
        "       if not: `argosy topics apply`, as somebody who may Create; docs/security.md has the rights of each role"
    )


def _refuse(wrong: tuple[Finding, ...]) -> tuple[Finding, ...]:
    for finding in wrong:
        if finding.fatal and finding.problem != "is missing":
            raise ConfigurationError(f"topic {finding.topic} {finding.problem}", do=finding.cure)
    return wrong


def _partitions(number: int) -> str:
    return f"{number} partition{'' if number == 1 else 's'}"
