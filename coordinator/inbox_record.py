"""One record of the inbox: judged, and appended to its run's lane, or answered, or buried."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from argosy.broker.log import Cluster, Outgoing, Producer, Record
from argosy.broker.topics import TopicNames
from argosy.coordinator import signal_in
from argosy.coordinator.accept import Accept, Arrived
from argosy.coordinator.admission import NotAdmitted, Unjudged
from argosy.coordinator.gate import Entry, Gate
from argosy.coordinator.known_pipelines import decode, encode_accepted, known
from argosy.coordinator.patience import patiently
from argosy.coordinator.refused import Refused
from argosy.coordinator.work_topics import WorkTopics
from argosy.schemas.codec import Message, encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import ArgosyError, BadMessage, MessageTooLarge, NewerVersion
from argosy.schemas.ids import is_run_id, lane_of
from argosy.schemas.inbox import BudgetAnswered, CancelRequested, RunSubmitted, SignalSent
from argosy.schemas.result import Full, SubmitRefused
from argosy.schemas.runlog import (
    BudgetReceived,
    CancelReceived,
    RunAccepted,
    SignalReceived,
    SubmitTurnedAway,
)
from argosy.telemetry import logs, metrics, propagation, steps
from argosy.telemetry.spans import Traced
from argosy.telemetry.steps import Position


@dataclass(slots=True)
class Judged:
    """A record that passed, and what is to be told when Kafka has acknowledged what it became."""

    inbox: Record
    outgoing: Outgoing
    span: Traced | None = None
    pipeline: str = ""
    """`name@version` of a submit."""
    traceparent: str | None = None
    entry: Entry | None = None
    """Of a submit: what it counts as until its lane counts it."""


class InboxRecord:
    """What becomes of a record. Safe to repeat: the run log and clients know duplicates."""

    def __init__(self, cluster: Cluster, producer: Producer, accept: Accept, gate: Gate, source: str) -> None:
        """`source` is the `ce_source` of what is written."""
        settings = self._settings = gate.settings
        self._producer, self._accept, self._gate = producer, accept, gate
        self._names, self._source = TopicNames(settings.kafka.topic_prefix), source
        self._refused = Refused(producer, settings.kafka, source)
        self._topics = WorkTopics(settings, cluster)
        self._log = logs.get("argosy.receiver")

    async def at_once(self, record: Record) -> Judged | None:  # noqa: PLR0911 - a table
        """Judge a record for which nobody has to be waited for; None: `receive` it. Waits for nothing itself."""
        try:
            envelope = read_envelope(record.headers)
            message = decode(envelope, record.value)
        except (BadMessage, NewerVersion):
            return None
        if not is_run_id(envelope.subject):
            return None
        match message:
            case RunSubmitted():
                return await self._submit_at_once(record, envelope, message)
            case SignalSent() if not signal_in.is_small(envelope.id, message, len(record.value or b"")):
                return None
            case BudgetAnswered() if len(envelope.id) > signal_in.MOST_ID:
                return None
            case SignalSent() | CancelRequested() | BudgetAnswered():
                return Judged(record, self._outgoing(envelope, _passed_on(envelope, message), envelope.id))
            case _:
                return None

    async def _submit_at_once(
        self, record: Record, envelope: Envelope, submit: RunSubmitted
    ) -> Judged | None:
        known_agents = self._accept.agents_at_once(submit, len(record.value or b""))
        if known_agents is None or not self._topics.have(known_agents):
            return None
        arrived, span = self._arrived(record, envelope, submit)
        try:
            body = await self._accept.accept(submit, arrived)
        except (NotAdmitted, ArgosyError):
            return None  # its span is told by `receive`: a record has one
        entry = self._gate.enter(body.pipeline.name, envelope.subject, len(record.value or b""))
        if isinstance(entry, Full):
            return None
        traced = envelope._replace(traceparent=span.trace.traceparent, tracestate=span.trace.tracestate)
        outgoing = self._outgoing(traced, body, f"{envelope.subject}/accepted/{arrived.position}")
        return Judged(record, outgoing, span, _title(body), traced.traceparent, entry)

    async def append(self, judged: Sequence[Judged]) -> list[Record]:
        """Append what records became, all at once; return those that have to be received again, patiently."""
        answers = await self._producer.send_many([one.outgoing for one in judged])
        for one, answer in zip(judged, answers, strict=True):
            if one.span is not None and not isinstance(answer, ArgosyError):  # else `receive` tells of it
                one.span.end()
            if one.entry is not None:
                self._gate.settled(one.entry, None if isinstance(answer, ArgosyError) else answer[1])
            if one.pipeline and not isinstance(answer, ArgosyError):
                _tell(one.inbox, one.outgoing.key.decode(), one.pipeline, one.traceparent)
        return [
            one.inbox for one, answer in zip(judged, answers, strict=True) if isinstance(answer, ArgosyError)
        ]

    async def receive(self, record: Record) -> None:
        """Return when Kafka has acknowledged what the record became; waits while services are away."""
        try:
            envelope = await self._envelope(record)
            message = decode(envelope, record.value)
        except BadMessage as error:
            await self._refused.unreadable(record, error)
            return
        if not is_run_id(envelope.subject):
            await self._refused.bury(record, BadMessage("is no run id", field="ce_subject"))
            return
        match message:
            case RunSubmitted():
                await self._submit(record, envelope, message)
            case SignalSent():
                await self._signal(record, envelope, message)
            case CancelRequested():
                await self._pass_on(record, envelope, _passed_on(envelope, message))
            case BudgetAnswered():
                await self._budget(record, envelope, message)
            case _:
                await self._refused.bury(
                    record, BadMessage(f"{envelope.kind} has no place in the inbox", field="ce_type")
                )

    async def _envelope(self, record: Record) -> Envelope:
        """Read the headers.

        What a newer release wrote waits for the roll-out as an unknown name does, then is refused.
        """
        try:
            return read_envelope(record.headers)
        except NewerVersion as error:
            await asyncio.sleep(self._settings.fleet.unknown_pipeline_seconds)
            raise BadMessage(str(error), field="ce_type") from None

    async def _submit(self, record: Record, envelope: Envelope, submit: RunSubmitted) -> None:
        run_id = envelope.subject
        arrived, span = self._arrived(record, envelope, submit)
        with span:
            traced = envelope._replace(traceparent=span.trace.traceparent, tracestate=span.trace.tracestate)
            try:
                body = await patiently("accept", lambda: self._accept.accept(submit, arrived))
                await self._topics.make(known(body.pipeline).agents, arrived.position)
            except NotAdmitted as refused:
                if isinstance(refused, Unjudged):
                    self._log.error(
                        "a submit could not be judged",
                        position=arrived.position,
                        exc_info=refused.__cause__,
                    )
                await self._refused.answer(traced, refused.answer)
                return
            if not await self._admit(traced, record, submit, body):
                return
        _tell(record, run_id, _title(body), traced.traceparent)

    async def _admit(self, traced: Envelope, record: Record, submit: RunSubmitted, body: RunAccepted) -> bool:
        """Append a submit that passed, when there is room for it; False: it became no run."""
        run_id, size = traced.subject, len(record.value or b"")
        entry = await self._enter(run_id, submit, body.pipeline.name, size)
        if isinstance(entry, Full):
            away = SubmitTurnedAway(data_hash=body.data_hash, position=body.position, full=entry)
            await self._append(traced, away, f"{run_id}/turned_away/{body.position}")
            metrics.submit_refused("busy")
            self._log.warning("submit turned away", run_id=run_id, why=entry.said)
            return False
        offset = None
        try:
            _, offset = await self._append(traced, body, f"{run_id}/accepted/{body.position}")
        except MessageTooLarge as error:
            answer = SubmitRefused(reason="too_large", message=str(error), position=body.position)
            await self._refused.answer(traced, answer)
            return False
        finally:
            if entry is not None:
                self._gate.settled(entry, offset)
        return True

    async def _enter(
        self, run_id: str, submit: RunSubmitted, pipeline: str, size: int
    ) -> Entry | Full | None:
        """None: a repeat, which goes through however full it is, and takes no room: its run is counted."""
        entry = self._gate.enter(pipeline, run_id, size)
        if isinstance(entry, Entry):
            return entry
        if await self._gate.knows(run_id):
            return None
        if submit.when_busy == "wait":
            return await self._gate.wait(pipeline, run_id, size)
        return entry

    @staticmethod
    def _arrived(record: Record, envelope: Envelope, submit: RunSubmitted) -> tuple[Arrived, Traced]:
        arrived = Arrived(f"{record.partition}/{record.offset}", record.timestamp_ms, envelope.time_ms)
        parent = propagation.checked(envelope.traceparent, envelope.tracestate)
        position = Position(record.topic, record.partition, record.offset)
        replayed = None if submit.replay_of is None else submit.replay_of.traceparent
        appended_ms = record.timestamp_ms
        return arrived, steps.accept(
            position, envelope.subject, parent, appended_ms=appended_ms, replayed=replayed
        )

    async def _signal(self, record: Record, envelope: Envelope, sent: SignalSent) -> None:
        try:
            signal_in.check_id(envelope.id)
            stored = await patiently("store a signal's value", lambda: self._accept.store_signal(sent))
        except BadMessage as error:
            await self._refused.bury(record, error)
            return
        await self._pass_on(record, envelope, signal_in.passed_on(envelope.id, sent, stored))

    async def _budget(self, record: Record, envelope: Envelope, answer: BudgetAnswered) -> None:
        try:
            signal_in.check_id(envelope.id)
        except BadMessage as error:
            await self._refused.bury(record, error)
            return
        await self._pass_on(record, envelope, _passed_on(envelope, answer))

    async def _pass_on(
        self, record: Record, envelope: Envelope, body: SignalReceived | CancelReceived | BudgetReceived
    ) -> None:
        try:
            await self._append(envelope, body, envelope.id)
        except MessageTooLarge as error:  # the inbox took it, but it says the same in more bytes here
            await self._refused.bury(record, error, "oversize")

    async def _append(self, envelope: Envelope, body: Message, ce_id: str) -> tuple[int, int]:
        record = self._outgoing(envelope, body, ce_id)
        return await patiently("append to the run log", lambda: self._producer.send(record))

    def _outgoing(self, envelope: Envelope, body: Message, ce_id: str) -> Outgoing:
        headers = Envelope(
            kind=body.KIND,
            id=ce_id,
            source=self._source,
            subject=envelope.subject,
            traceparent=envelope.traceparent,
            tracestate=envelope.tracestate,
        ).headers()
        lane = lane_of(envelope.subject, self._settings.fleet.lanes)
        value = encode_accepted(body) if isinstance(body, RunAccepted) else encode_body(body)
        return Outgoing(self._names.runs, envelope.subject.encode(), value, headers, partition=lane)


def _passed_on(
    envelope: Envelope, message: SignalSent | CancelRequested | BudgetAnswered
) -> SignalReceived | CancelReceived | BudgetReceived:
    if isinstance(message, CancelRequested):
        return CancelReceived(reason=message.reason)
    if isinstance(message, BudgetAnswered):
        return BudgetReceived(
            answer_id=envelope.id,
            tokens=message.tokens,
            micros=message.micros,
            refused=message.refused,
            by=message.by,
            reason=message.reason,
        )
    return signal_in.passed_on(envelope.id, message)


def _title(body: RunAccepted) -> str:
    return f"{body.pipeline.name}@{body.pipeline.version}"


def _tell(record: Record, run_id: str, pipeline: str, traceparent: str | None) -> None:
    metrics.run_accepted(pipeline.partition("@")[0])
    logs.handoff(
        "accepted",
        traceparent=traceparent,
        run_id=run_id,
        pipeline=pipeline,
        partition=record.partition,
        offset=record.offset,
    )
