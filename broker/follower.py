"""Reads a whole topic without a group: results, events, published pipelines."""

from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from argosy.broker.bootstrap import connect
from argosy.broker.connection import METADATA_MS, Connection, Lacking, answered, translated
from argosy.broker.inside import close
from argosy.broker.log import Record
from argosy.broker.membership import record_of
from argosy.broker.rights import unseen
from argosy.schemas.errors import ConfigurationError

REQUEST_MS: Final = 10_000
FETCH_WAIT_MS: Final = 100


class KafkaFollower:
    """See `log.Follower`."""

    def __init__(self, connection: Connection, topic: str) -> None:
        """Nothing is opened until `start`."""
        self._connection, self._topic = connection, topic
        self._kafka: AIOKafkaConsumer | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._goals: dict[TopicPartition, int] = {}

    async def start(self, *, at_ms: int | None = None, beginning: bool = False) -> None:
        """See `log.Follower.start`. Raises ConfigurationError (no such topic) and Unreachable."""
        kafka = AIOKafkaConsumer(
            **self._connection.options(),
            group_id=None,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_uncommitted",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            request_timeout_ms=REQUEST_MS,
            metadata_max_age_ms=METADATA_MS,
        )
        try:
            seconds = self._connection.deadline_seconds
            async with answered(f"follow {self._topic}", seconds, self._lacking()):
                await connect(kafka, self._connection)
                await self._take_positions(kafka, at_ms, beginning=beginning)
        except BaseException:
            await close(kafka)
            raise
        self._connection.vigil.watch(kafka, f"the reader of {self._topic}")
        self._kafka = kafka

    async def _take_positions(self, kafka: AIOKafkaConsumer, at_ms: int | None, *, beginning: bool) -> None:
        if self._topic not in await kafka.topics():
            why, do = "", "create it: argosy up, or start a coordinator"
            if self._connection.settings.security_protocol != "PLAINTEXT":
                why, grant = unseen(self._topic, "Read", self._connection.settings)
                do = f"{grant}\nif not: {do}"
            raise ConfigurationError(f"there is no topic {self._topic}", why=why, do=do)
        first = TopicPartition(self._topic, 0)
        kafka.assign([first])
        await kafka.end_offsets([first])  # which waits until the library knows the topic's partitions
        partitions = self._partitions(kafka)
        self._goals = await kafka.end_offsets(partitions)
        if beginning:
            self._positions = await kafka.beginning_offsets(partitions)
        elif at_ms is not None:
            found = await kafka.offsets_for_times(dict.fromkeys(partitions, at_ms))
            self._positions = {
                where: at.offset if (at := found.get(where)) is not None else self._goals[where]
                for where in partitions
            }
        else:
            self._positions = dict(self._goals)
        self._assign(kafka)

    def _partitions(self, kafka: AIOKafkaConsumer) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic, number) for number in kafka.partitions_for_topic(self._topic) or ()
        ]

    def _assign(self, kafka: AIOKafkaConsumer) -> None:
        kafka.assign(list(self._positions))
        for where, offset in self._positions.items():
            kafka.seek(where, offset)

    async def read(self, timeout_seconds: float) -> tuple[Record, ...]:
        """See `log.Follower.read`. Kafka away: nothing comes, and reading goes on when it is back.

        Raises Refused for what waiting doesn't mend, as a right that was taken away, and ClientBroken.
        """
        kafka = self._started()
        self._connection.vigil.check(kafka)
        new = [where for where in self._partitions(kafka) if where not in self._positions]
        if new:
            self._positions |= dict.fromkeys(new, 0)
            self._assign(kafka)
        try:
            given = await kafka.getmany(timeout_ms=max(1, int(timeout_seconds * 1000)))
        except KafkaError as error:
            raise translated(error, f"follow {self._topic}", self._lacking()) from error
        for where in self._positions:
            if where in given:
                self._positions[where] = await kafka.position(where)
        return tuple(record_of(record) for records in given.values() for record in records)

    async def caught_up(self) -> bool:
        """See `log.Follower.caught_up`. A log that lost its records to retention counts as read."""
        kafka = self._started()
        return all([await kafka.position(where) >= goal for where, goal in self._goals.items() if goal])

    def _lacking(self) -> Lacking:
        return self._connection.lacking("Read", self._topic)

    def _started(self) -> AIOKafkaConsumer:
        if self._kafka is None:
            raise ConfigurationError("a follower is read before it is started")
        return self._kafka

    async def close(self) -> None:
        """See `log.Follower.close`."""
        kafka, self._kafka = self._kafka, None
        if kafka is not None:
            await close(kafka)
