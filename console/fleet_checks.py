"""What `argosy doctor` looks at beyond the services themselves: clocks, versions, who works for what is published."""

import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version

from argosy.broker.cluster import KafkaCluster
from argosy.broker.deadletters import buried
from argosy.broker.log import Outgoing, Partition
from argosy.broker.presence import Present, present
from argosy.broker.redis import RedisStore
from argosy.broker.topics import TopicNames
from argosy.console.check import Check, Verdict, ok
from argosy.console.clock_checks import NEAR_SECONDS, clocks_of
from argosy.console.moments import length
from argosy.console.numbers import counted
from argosy.console.published import contracts_of, published
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import Refused
from argosy.schemas.settings import Settings


async def fleet_checks(settings: Settings, cluster: KafkaCluster, store: RedisStore) -> list[Check]:
    """Ask Kafka and Redis, which must be well. Raises ArgosyError of either.

    One record is appended to the topic of events: only what Kafka appends tells Kafka's clock.
    """
    names = TopicNames(settings.kafka.topic_prefix)
    before_ms = _now_ms()
    there = await present(store, settings.redis.key_prefix)
    checks = [clock("redis clock", there.server_ms, before_ms, _now_ms(), settings.fleet.ahead_seconds)]
    topics = await cluster.topic_names()
    if {names.events, names.pipelines} <= topics:
        checks.append(await _kafka_clock(settings, cluster, names.events))
        agents = contracts_of(await published(cluster, names))
        groups = [names.lanes, *(names.group(agent) for agent in agents)]
        members = {group: (await cluster.group(group)).members for group in groups}
        checks += served(names, agents, members)
    if names.dead in topics:
        checks += dead_letters(await _buried(cluster, names.dead))
    return [*checks, *clocks_of(there), *same_version(there, version("argosy"))]


async def _kafka_clock(settings: Settings, cluster: KafkaCluster, topic: str) -> Check:
    envelope = Envelope(kind="doctor.asked", id=str(time.time_ns()), source="argosy/doctor")
    before_ms = _now_ms()
    asked = Outgoing(topic, b"doctor", b"{}", envelope.headers())
    partition, offset = await (await cluster.producer()).send(asked)
    after_ms = _now_ms()
    record = await cluster.peek(Partition(topic, partition), offset)
    append_ms = record.timestamp_ms if record is not None else after_ms
    return clock("kafka clock", append_ms, before_ms, after_ms, settings.fleet.ahead_seconds)


async def _buried(cluster: KafkaCluster, topic: str) -> int:
    try:
        return len([each async for each in buried(cluster, topic)])
    except Refused:  # who may not read them is not to fail for it
        return 0


def dead_letters(count: int) -> list[Check]:
    """Tell of letters that lie in the topic of the dead: also those that were put back stay there."""
    if not count:
        return []
    found = f"{counted(count, 'dead letter')} in the topic"
    why = "what they hold was not processed, unless they were redriven since: letters stay where they are"
    return [Check("dead letters", Verdict.WARNING, found, why, "argosy dead list")]


def clock(name: str, theirs_ms: int, before_ms: int, after_ms: int, ahead_seconds: float) -> Check:
    """Judge a clock that was read between two readings of ours."""
    off_ms = max(before_ms - theirs_ms, theirs_ms - after_ms, 0)
    way = "behind" if theirs_ms < before_ms else "ahead of"
    if off_ms <= NEAR_SECONDS * 1000:
        return ok(name, f"within {length(max(off_ms, 100) / 1000)} of ours")
    found = f"is {length(off_ms / 1000)} {way} ours"
    why = "times in histories, `why` and `lag` are off by it"
    if off_ms >= ahead_seconds * 1000:
        why = f"submits that carry our time are refused: only {ahead_seconds:g} s ahead are allowed"
        return Check(name, Verdict.PROBLEM, found, why, "set both clocks by NTP")
    return Check(name, Verdict.WARNING, found, why, "set both clocks by NTP")


def served(names: TopicNames, agents: Iterable[str], members: Mapping[str, int]) -> list[Check]:
    """Judge whether somebody works for what is published."""
    wanted = sorted(agents)
    idle = [agent for agent in wanted if not members.get(names.group(agent))]
    checks = [
        Check(
            "workers",
            Verdict.WARNING,
            f"no worker serves agent {agent}",
            "runs of the published pipelines that need it will wait",
            f"argosy worker APP:{agent}",
        )
        for agent in idle
    ]
    if wanted and not members.get(names.lanes):
        why = "nothing that is submitted is accepted"
        checks.insert(
            0, Check("coordinator", Verdict.WARNING, "no coordinator runs", why, "argosy coordinator")
        )
    if wanted and not idle:
        checks.append(ok("workers", f"{counted(len(wanted), 'published agent')} served"))
    return checks


def same_version(there: Present, ours: str) -> list[Check]:
    """Judge whether all processes run one release."""
    by_version: dict[str, list[str]] = {}
    for process in there.processes:
        by_version.setdefault(process.version, []).append(f"{process.role} {process.name}")
    if not by_version:
        return []
    if set(by_version) == {ours}:
        return [ok("versions", f"{counted(len(there.processes), 'process', 'processes')} of {ours}")]
    told = "; ".join(f"{version}: {', '.join(sorted(who))}" for version, who in sorted(by_version.items()))
    return [
        Check(
            "versions",
            Verdict.WARNING,
            f"versions differ: {told}; this one is {ours}",
            "during a roll-out that is so; afterwards a new layout or new rules pause the older ones",
            "finish the roll-out: coordinators last, then raise ARGOSY_FLEET__RULES if the release says so",
        )
    ]


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
