"""What is asked of the cluster as a whole: topics and groups. Each call has a connection of its own."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, TopicAuthorizationFailedError, for_code

from argosy.broker.bootstrap import connect
from argosy.broker.connection import Connection, answered, translated
from argosy.broker.log import GroupView, Partition
from argosy.broker.rights import Need, Operation, refusal
from argosy.broker.topics import FoundTopic, TopicPlan
from argosy.schemas.settings import KafkaSettings

_STABLE: Final = "Stable"
"""The state of a group whose members have what they are told to have."""
_BALANCING: Final = frozenset({"PreparingRebalance", "CompletingRebalance"})
REQUEST_MS: Final = 15_000
AGAIN_SECONDS: Final = 0.1


class Admin:
    """Reads and makes topics; reads groups."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is opened until it is asked."""
        self._connection = connection

    @asynccontextmanager
    async def _open(
        self, what: str, operation: Operation = "Describe", group: str = ""
    ) -> AsyncGenerator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(**self._connection.options(), request_timeout_ms=REQUEST_MS)
        try:
            lacking = self._connection.lacking(operation, group=group)
            async with answered(what, self._connection.deadline_seconds, lacking):
                await connect(client, self._connection)
                yield client
        finally:
            await client.close()

    async def topics(self, names: Iterable[str]) -> dict[str, FoundTopic]:
        """Return those of the topics that exist, with their settings where we may see them.

        Raises Unreachable and Refused.
        """
        async with self._open("look at the topics") as client:
            shapes = await _shapes(client, names)
            configs = await _configs(client, shapes)
        return {
            name: FoundTopic(
                name,
                len(partitions),
                min((len(partition["replicas"]) for partition in partitions), default=0),
                configs.get(name, {}),
                _leaderless(partitions),
            )
            for name, partitions in shapes.items()
        }

    async def topic_names(self) -> frozenset[str]:
        """Name every topic of the cluster that we may see. Raises Unreachable and Refused."""
        async with self._open("list the topics") as client:
            return frozenset(await client.list_topics())

    async def create(self, plans: Sequence[TopicPlan]) -> None:
        """Create what isn't there and wait until every partition has a leader. Raises Unreachable and Refused."""
        async with self._open("create topics", "Create") as client:
            there = await _shapes(client, [plan.name for plan in plans])
            missing = [plan for plan in plans if plan.name not in there]
            if missing:
                answer = await client.create_topics([_new_topic(plan) for plan in missing])
                _check_created(answer.topic_errors, self._connection.settings)
            await self._wait_for_leaders(client, [plan.name for plan in plans])

    @staticmethod
    async def _wait_for_leaders(client: AIOKafkaAdminClient, names: Sequence[str]) -> None:
        while True:
            shapes = await _shapes(client, names)
            if len(shapes) == len(set(names)) and not any(map(_leaderless, shapes.values())):
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def group(self, group: str) -> GroupView:
        """Return the members and committed offsets of a group. Raises Unreachable and Refused."""
        async with self._open(f"look at group {group}", group=group) as client:
            while True:
                try:
                    (answer,) = await client.describe_consumer_groups([group])
                    offsets = await client.list_consumer_group_offsets(group)
                    break
                except KafkaError as error:
                    if not error.retriable:  # as for a moment when the first group of a cluster is looked at
                        raise
                    await asyncio.sleep(AGAIN_SECONDS)
        described = answer.to_object()["groups"][0]
        committed = {Partition(*where): found.offset for where, found in offsets.items() if found.offset >= 0}
        return GroupView(len(described["members"]), committed, described["state"] in _BALANCING)

    async def owners(self, group: str) -> dict[Partition, str]:
        """Say which member has which partition now: its client id and host; of a group that is being balanced, nobody.

        Raises Unreachable and Refused.
        """
        async with self._open(f"look at group {group}", group=group) as client:
            (answer,) = await client.describe_consumer_groups([group])
        (found,) = answer.to_object()["groups"]
        owners: dict[Partition, str] = {}
        for member in found["members"]:
            raw = member["member_assignment"]
            # Who has not come to be balanced yet is still told with what it had, even if it hangs, or is dead.
            if found["state"] != _STABLE or not raw:
                continue
            name = f"{member['client_id']}{member['client_host']}"
            for topic, numbers in ConsumerProtocolMemberAssignment.decode(raw).assignment:
                owners.update(dict.fromkeys((Partition(topic, number) for number in numbers), name))
        return owners


async def _shapes(client: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the partitions of those topics that exist. Asks for all: to name a topic may be to create it."""
    wanted = set(names)
    return {
        topic["topic"]: topic["partitions"]
        for topic in await client.describe_topics()
        if topic["topic"] in wanted and topic["partitions"]
    }


async def _configs(client: AIOKafkaAdminClient, names: Iterable[str]) -> Mapping[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    if not resources:
        return {}
    found: dict[str, dict[str, str]] = {}
    for answer in await client.describe_configs(resources):
        for code, _message, _kind, name, entries, *_ in answer.resources:
            error = for_code(code)
            if error is TopicAuthorizationFailedError:
                continue  # without DescribeConfigs its settings stay unknown: nobody needs the right to do its work
            if code:
                raise error(f"settings of {name}")
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _leaderless(partitions: Iterable[dict[str, Any]]) -> tuple[int, ...]:
    return tuple(part["partition"] for part in partitions if part["error_code"] or part["leader"] < 0)


def _new_topic(plan: TopicPlan) -> NewTopic:
    return NewTopic(plan.name, plan.partitions, plan.replication, topic_configs=plan.configs)


def _check_created(errors: Iterable[tuple[Any, ...]], kafka: KafkaSettings) -> None:
    for name, code, *message in errors:
        error: type[KafkaError] = for_code(code)
        if code and error is not TopicAlreadyExistsError:  # another process was faster
            if error is TopicAuthorizationFailedError:
                raise refusal(error(name), f"create topic {name}", Need("Create"), kafka)
            text = f"{error.__name__}: {message[0] if message and message[0] else 'no reason given'}"
            raise translated(error(text), f"create topic {name}")
