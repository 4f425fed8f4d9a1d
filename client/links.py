"""What a client holds open, shared by all its runs."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Cluster, Outgoing, Producer
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames
from argosy.client.answers import READ_SECONDS, Answers, Question, read_answer
from argosy.schemas.codec import Message, decode_body, encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import ArgosyError, BadMessage, NewerVersion
from argosy.schemas.ids import lane_of
from argosy.schemas.runlog import RunEnded
from argosy.schemas.settings import Settings
from argosy.schemas.watch import StateChanged, TaskProgressed, TextStreamed, WatchMessage
from argosy.telemetry.propagation import NO_TRACE, Trace

SKEW_MS: Final = 60_000
"""How far this host's clock may be from Kafka's: events are read from this much earlier on."""


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

    async def ended(self, run_id: str) -> RunEnded | None:
        """Find how a run ended that may have ended before this client came.

        None: it hasn't, as far as can be seen.
        """
        try:
            state, ended = await self.stored(run_id)
        except ArgosyError:
            state, ended = "", None
        if state:
            return ended
        return await self._published(run_id)

    async def _published(self, run_id: str) -> RunEnded | None:
        """Read the whole topic of results: only where Redis knows nothing of the run."""
        follower = self.cluster.follower(self.names.results)
        await follower.start(beginning=True)
        try:
            while True:
                for record in await follower.read(READ_SECONDS):
                    found = read_answer(record)
                    if found is not None and found[0] == run_id and isinstance(found[1], RunEnded):
                        return found[1]
                if await follower.caught_up():
                    return None
        finally:
            await follower.close()

    async def events(self, question: Question, since_ms: int | None) -> AsyncGenerator[RunEvent]:
        """Yield what is told of a run, from `since_ms` on (None: all that is kept), until it has ended."""
        follower = self.cluster.follower(self.names.events)
        about = "ce_subject", question.run_id.encode()
        if since_ms is None:
            await follower.start(beginning=True)
        else:
            await follower.start(at_ms=since_ms - SKEW_MS)
        try:
            while True:
                records = await follower.read(READ_SECONDS)
                for record in records:
                    if about not in record.headers:
                        continue
                    event = _event(record.headers, record.value, record.timestamp_ms)
                    if event is not None:
                        yield event
                        if event.kind == "ended" and event.task_id is None:
                            return
                # The last event may be lost; the answer is not.
                if not records and self.answers.known(question) is not None and await follower.caught_up():
                    return
        finally:
            await follower.close()


def _event(headers: tuple[tuple[str, bytes], ...], value: bytes | None, time_ms: int) -> RunEvent | None:
    try:
        message = decode_body(read_envelope(headers), value)
    except (BadMessage, NewerVersion):
        return None
    if isinstance(message, StateChanged):
        return RunEvent(message.state, message.task_id, message, time_ms)
    if isinstance(message, TaskProgressed | TextStreamed):
        return RunEvent(message.KIND, message.task_id, message, time_ms)
    return None
