# What we use of aiokafka 0.14, which ships no types: read from its source.
# Private names are met in `broker.inside` alone.

from asyncio import Future, Task
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from ssl import SSLContext
from typing import NamedTuple, Self

from aiokafka.abc import ConsumerRebalanceListener as ConsumerRebalanceListener
from aiokafka.conn import AIOKafkaConnection

class TopicPartition(NamedTuple):
    topic: str
    partition: int

class OffsetAndMetadata(NamedTuple):
    offset: int
    metadata: str

class OffsetAndTimestamp(NamedTuple):
    offset: int
    timestamp: int | None

class RecordMetadata(NamedTuple):
    topic: str
    partition: int
    topic_partition: TopicPartition
    offset: int
    timestamp: int | None
    timestamp_type: int
    log_start_offset: int | None

class ConsumerRecord:
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]

class _State:
    has_valid_position: bool
    position: int

class _Assignment:
    active: bool
    tps: frozenset[TopicPartition]
    def state_value(self, tp: TopicPartition) -> _State | None: ...

class _Subscription:
    assignment: _Assignment | None

class _SubscriptionState:
    subscription: _Subscription | None

class _Coordinator:
    generation: int
    _coordination_task: Task[None]
    _heartbeat_task: Task[None] | None

class _Fetcher:
    _pending_tasks: set[Task[bool]]
    _fetch_task: Task[None]

class _Client:
    cluster: _Cluster
    _sync_task: Task[None] | None
    _conns: dict[object, AIOKafkaConnection]
    async def close(self) -> None: ...
    async def fetch_all_metadata(self) -> _Metadata: ...
    def force_metadata_update(self) -> Future[bool]: ...

class _Cluster:
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...

class _Metadata:
    def topics(self) -> set[str]: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...

class BatchBuilder:
    def append(
        self,
        *,
        timestamp: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = ...,
    ) -> object | None: ...
    def close(self) -> None: ...

class _Accumulator:
    def fail_all(self, exception: Exception) -> None: ...

class _Sender:
    sender_task: Task[None] | None

class AIOKafkaConsumer:
    _closed: bool
    _group_id: str | None
    _client: _Client
    _fetcher: _Fetcher | None
    _subscription: _SubscriptionState
    _coordinator: _Coordinator | None
    def __init__(
        self,
        *topics: str,
        bootstrap_servers: str = ...,
        client_id: str = ...,
        group_id: str | None = ...,
        fetch_max_wait_ms: int = ...,
        fetch_max_bytes: int = ...,
        max_partition_fetch_bytes: int = ...,
        request_timeout_ms: int = ...,
        metadata_max_age_ms: int = ...,
        auto_offset_reset: str = ...,
        enable_auto_commit: bool = ...,
        session_timeout_ms: int = ...,
        rebalance_timeout_ms: int = ...,
        heartbeat_interval_ms: int = ...,
        isolation_level: str = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...
    def subscribe(
        self, topics: Sequence[str] = ..., *, listener: ConsumerRebalanceListener | None = ...
    ) -> None: ...
    def assign(self, partitions: Sequence[TopicPartition]) -> None: ...
    def assignment(self) -> set[TopicPartition]: ...
    async def topics(self) -> set[str]: ...
    def partitions_for_topic(self, topic: str) -> set[int] | None: ...
    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = ..., max_records: int | None = ...
    ) -> dict[TopicPartition, list[ConsumerRecord]]: ...
    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None: ...
    async def committed(self, partition: TopicPartition) -> int | None: ...
    async def position(self, partition: TopicPartition) -> int: ...
    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def pause(self, *partitions: TopicPartition) -> None: ...
    def resume(self, *partitions: TopicPartition) -> None: ...
    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]: ...
    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]: ...
    async def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]: ...

class AIOKafkaProducer:
    client: _Client
    _closed: bool
    _sender: _Sender
    _message_accumulator: _Accumulator
    def __init__(
        self,
        *,
        bootstrap_servers: str = ...,
        client_id: str = ...,
        acks: str = ...,
        enable_idempotence: bool = ...,
        compression_type: str | None = ...,
        transactional_id: str | None = ...,
        linger_ms: int = ...,
        max_batch_size: int = ...,
        partitioner: Callable[[bytes | None, Sequence[int], Sequence[int]], int] = ...,
        max_request_size: int = ...,
        request_timeout_ms: int = ...,
        metadata_max_age_ms: int = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *error: object) -> None: ...
    async def partitions_for(self, topic: str) -> set[int]: ...
    def create_batch(self) -> BatchBuilder: ...
    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> Future[RecordMetadata]: ...
    def transaction(self) -> AbstractAsyncContextManager[object]: ...
    async def send(
        self,
        topic: str,
        value: bytes | None = ...,
        key: bytes | None = ...,
        partition: int | None = ...,
        *,
        headers: Sequence[tuple[str, bytes]] | None = ...,
    ) -> Future[RecordMetadata]: ...
    async def send_and_wait(
        self,
        topic: str,
        value: bytes | None = ...,
        key: bytes | None = ...,
        partition: int | None = ...,
        *,
        headers: Sequence[tuple[str, bytes]] | None = ...,
    ) -> RecordMetadata: ...
