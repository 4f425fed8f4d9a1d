"""Takes from Kafka what only an accident takes: a fleet's topics and groups, or how far its groups have read."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (its futures say nothing of their results)

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

_SECONDS: Final = 120


def _admin(servers: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": servers})


def topics_of(servers: str, prefix: str) -> set[str]:
    """Topics of a fleet."""
    found = _admin(servers).list_topics(timeout=_SECONDS).topics
    return {name for name in found if name.startswith(f"{prefix}.")}


def delete_topics(servers: str, topics: Iterable[str]) -> None:
    """Delete topics; return when they are gone."""
    names = list(topics)
    admin = _admin(servers)  # held until all is answered: it ends what it has asked when it goes
    for done in admin.delete_topics(names, operation_timeout=_SECONDS).values():
        done.result()
    deadline = time.monotonic() + _SECONDS
    while set(admin.list_topics(timeout=_SECONDS).topics) & set(names):
        assert time.monotonic() < deadline, f"topics are still there: {names}"


def keep_all(servers: str, prefix: str) -> None:
    """Let no topic of a fleet lose its old records, however short the lives of its runs are."""
    kept = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry("retention.ms", "-1", incremental_operation=AlterConfigOpType.SET)
            ],
        )
        for name in topics_of(servers, prefix)
    ]
    admin = _admin(servers)
    for done in admin.incremental_alter_configs(kept, request_timeout=_SECONDS).values():
        done.result()


def forget(servers: str, prefix: str) -> None:
    """Delete a fleet's topics, and its groups as soon as Kafka counts nobody in them any more."""
    delete_topics(servers, topics_of(servers, prefix))
    admin = _admin(servers)
    groups = [
        group.group_id
        for group in admin.list_consumer_groups(request_timeout=_SECONDS).result().valid
        if group.group_id.startswith(f"{prefix}.")
    ]
    deadline = time.monotonic() + _SECONDS
    while groups:
        done = admin.delete_consumer_groups(groups, request_timeout=_SECONDS)
        groups = [
            group for group in groups if (error := done[group].exception()) is not None and _in_use(error)
        ]
        assert time.monotonic() < deadline, f"somebody is still in {groups}"


def _in_use(error: BaseException) -> bool:
    """Say whether only members keep a group; raises any other error."""
    said = error.args[0]
    if said.code() == KafkaError.GROUP_ID_NOT_FOUND:
        return False
    if said.code() != KafkaError.NON_EMPTY_GROUP:
        raise error
    return True


def rewind(servers: str, group: str, partitions: Iterable[tuple[str, int]]) -> None:
    """Set a group's offsets to the beginning, as soon as Kafka counts nobody in it any more."""
    first = [TopicPartition(topic, number, 0) for topic, number in partitions]
    request = [ConsumerGroupTopicPartitions(group, first)]
    admin = _admin(servers)
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            for done in admin.alter_consumer_group_offsets(request).values():
                done.result()
        except KafkaException:
            if time.monotonic() > deadline:
                raise
        else:
            return
