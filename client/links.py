"""What a client holds open, shared by all its runs."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Cluster, Outgoing, Producer, Record
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames
from argosy.client.answers import READ_SECONDS, Answer, Answers, Question, read_answer
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import ArgosyError, BadMessage, NewerVersion
from argosy.schemas.ids import lane_of
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunEnded
from argosy.schemas.settings import Settings
from argosy.schemas.watch import StateChanged, StatesChanged, TaskProgressed, TextStreamed, WatchMessage
from argosy.telemetry.propagation import NO_TRACE, Trace

SKEW_MS: Final = 60_000
"""How far this host's clock may be from Kafka's: events are read from this much earlier on."""

_SCANS: Final = 2
"""Readers of the whole topic of results at once."""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that happened to a run, for people who watch.

    Lossy, and in order only within one partition.
    """

    kind: str
    """`task.progressed`, `text.streamed`, or the new state: `dispatched`, `running`, `succeeded`, …"""
    task_id: str | None
    message: WatchMessage
    time_ms: int
    offset: int
    part: int = 0
    """Its place among the changes of one record. All events of a run lie in one partition: `place` sorts them."""

    @property
    def place(self) -> tuple[int, int]:
        """Tell those that were seen from those that come."""
        return self.offset, self.part


@dataclass(frozen=True, slots=True)
class Links:
    """Everything outside of a client. Safe for many tasks at once."""

    settings: Settings
    names: TopicNames
    cluster: Cluster
    producer: Producer
    store: Store
    payloads: Payloads
    answers: Answers
    source: str
    scans: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_SCANS))

    async def send(self, run_id: str, ce_id: str, message: Message, trace: Trace = NO_TRACE) -> str:
        """Append to the inbox and return the position, `<partition>/<offset>`, once Kafka has acknowledged.

        Raises Unreachable at the deadline (it may be there nevertheless: repeat it, with the same run id),
        Refused and MessageTooLarge.
        """
        envelope = Envelope(
            kind=message.KIND,
            id=ce_id,
            source=self.source,
            subject=run_id,
            traceparent=trace.traceparent,
            tracestate=trace.tracestate,
        )
        record = Outgoing(self.names.inbox, run_id.encode(), encode_body(message), envelope.headers())
        partition, offset = await self.producer.send(record)
        return f"{partition}/{offset}"

    async def stored(self, run_id: str) -> tuple[str, RunEnded | None]:
        """Look at the run in Redis.

        `active`, `ending`, `ended` (with the record), `cancel`, or empty for unknown.

        Raises Unreachable.
        """
        keys = LaneKeys(self.settings.redis.key_prefix, lane_of(run_id, self.settings.fleet.lanes))
        (epoch,) = await self.store.hmget(keys.checkpoint, ["epoch"])
        if epoch is None:
            return "", None
        state, ended = await self.store.hmget(keys.run(epoch.decode(), run_id), ["st", "end"])
        if state != b"ended" or ended is None:
            return (state or b"").decode(), None
        return "ended", RunEnded.model_validate_json(ended)

    async def data_hash(self, run_id: str) -> str:
        """Return the hash of the data that a run was accepted with; empty for an unknown one. Raises Unreachable."""
        keys = LaneKeys(self.settings.redis.key_prefix, lane_of(run_id, self.settings.fleet.lanes))
        (epoch,) = await self.store.hmget(keys.checkpoint, ["epoch"])
        if epoch is None:
            return ""
        kept, pinned = await self.store.hmget(keys.run(epoch.decode(), run_id), ["hash", "run"])
        if kept is not None:
            return kept.decode()
        return _Pinned.model_validate_json(pinned).data_hash if pinned is not None else ""

    async def ended(self, question: Question) -> Answer | None:
        """Find an answer that may have been published before this client came.

        None: there is none, as far as can be seen.
        """
        try:
            state, ended = await self.stored(question.run_id)
        except ArgosyError:
            state, ended = "", None
        found: Answer | None = ended
        if not state:
            async with self.scans:
                found = await self._published(question)
        if found is not None:
            self.answers.keep(question.run_id, found)
        return found

    async def _published(self, question: Question) -> Answer | None:
        """Read the whole topic of results: only where Redis knows nothing of the run."""
        follower = self.cluster.follower(self.names.results)
        await follower.start(beginning=True)
        refused: Answer | None = None
        try:
            while True:
                for record in await follower.read(READ_SECONDS):
                    found = read_answer(record)
                    if found is None or found[0] != question.run_id:
                        continue
                    if isinstance(found[1], RunEnded):
                        return found[1]
                    if question.accepts(found[1]) or _starts_nothing(question, found[1]):
                        refused = found[1]
                if await follower.caught_up():
                    return refused
        finally:
            await follower.close()

    async def ended_since(self, since_ms: int, lead: str) -> set[str]:
        """Name the runs whose ids begin so and that ended since then, by the topic of results. Raises Unreachable."""
        follower = self.cluster.follower(self.names.results)
        await follower.start(at_ms=max(0, since_ms))
        ended: set[str] = set()
        try:
            while True:
                for record in await follower.read(READ_SECONDS):
                    found = read_answer(record)
                    if found is not None and isinstance(found[1], RunEnded) and found[0].startswith(lead):
                        ended.add(found[0])
                if await follower.caught_up():
                    return ended
        finally:
            await follower.close()

    async def events(self, question: Question, since_ms: int | None) -> AsyncGenerator[RunEvent]:
        """Yield what is told of a run, from `since_ms` on (None: all that is kept), until it has ended."""
        follower = self.cluster.follower(self.names.events)
        about = "ce_subject", question.run_id.encode()
        if since_ms is None:
            await follower.start(beginning=True)
        else:
            await follower.start(at_ms=max(0, since_ms - SKEW_MS))
        try:
            while True:
                records = await follower.read(READ_SECONDS)
                for record in records:
                    if about not in record.headers:
                        continue
                    for event in read_events(record):
                        yield event
                        if event.kind == "ended" and event.task_id is None:
                            return
                # The last event may be lost; the answer is not.
                if not records and self.answers.known(question) is not None and await follower.caught_up():
                    return
        finally:
            await follower.close()


class _Pinned(BaseModel):
    """The one thing that a client reads of what a run's hash has pinned."""

    data_hash: str = ""


def _starts_nothing(question: Question, answer: SubmitRefused) -> bool:
    """Say whether a refusal answers for the run id itself: who has no receipt asks about no submit in particular."""
    return question.position is None and answer.reason != "conflict"


def read_events(record: Record) -> Iterator[RunEvent]:
    """Decode a record of the events' topic; nothing of what no release of ours, or a newer one, wrote."""
    try:
        message = decode_body(read_envelope(record.headers), record.value)
    except (BadMessage, NewerVersion):
        return
    match message:
        case StatesChanged():
            for part, change in enumerate(message.changes):
                yield _event(change.state, change, record, part)
        case StateChanged():
            yield _event(message.state, message, record)
        case TaskProgressed() | TextStreamed():
            yield _event(message.KIND, message, record)
        case _:
            pass


def _event(kind: str, message: WatchMessage, record: Record, part: int = 0) -> RunEvent:
    return RunEvent(kind, message.task_id, message, record.timestamp_ms, record.offset, part)
