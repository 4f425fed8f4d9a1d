from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Any

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.admin.config_resource import ConfigResource
from aiokafka.admin.records_to_delete import RecordsToDelete

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: None = ...,
        topic_configs: Mapping[str, str] | None = ...,
    ) -> None: ...

class NewPartitions:
    def __init__(self, total_count: int, new_assignments: None = ...) -> None: ...

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str = ...,
        client_id: str = ...,
        request_timeout_ms: int = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: Sequence[NewTopic], timeout_ms: int | None = ...) -> Any: ...  # noqa: ANN401 - a response made by version
    async def create_partitions(self, topic_partitions: Mapping[str, NewPartitions]) -> Any: ...  # noqa: ANN401 - a response made by version
    async def list_topics(self) -> list[str]: ...
    async def describe_cluster(self) -> dict[str, Any]: ...
    async def delete_records(self, records_to_delete: Mapping[TopicPartition, RecordsToDelete]) -> object: ...
    async def delete_topics(self, topics: Sequence[str]) -> object: ...
    async def describe_topics(self, topics: Sequence[str] | None = ...) -> list[dict[str, Any]]: ...
    async def describe_configs(self, config_resources: Sequence[ConfigResource]) -> list[Any]: ...
    async def describe_consumer_groups(self, group_ids: Sequence[str]) -> list[Any]: ...
    async def list_consumer_groups(self) -> list[tuple[Any, ...]]: ...
    async def list_consumer_group_offsets(self, group_id: str) -> dict[TopicPartition, OffsetAndMetadata]: ...
