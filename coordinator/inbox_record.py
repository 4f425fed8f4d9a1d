"""One record of the inbox: judged, and appended to its run's lane, or answered, or buried."""

import asyncio
import time
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from argosy.broker import provision
from argosy.broker.deadletters import Graveyard, Reason
from argosy.broker.log import Cluster, Outgoing, Producer, Record
from argosy.broker.topics import TopicNames, Use
from argosy.coordinator.accept import Accept, Arrived
from argosy.coordinator.admission import NotAdmitted
from argosy.coordinator.known_pipelines import decode, encode_accepted, known
from argosy.coordinator.patience import patiently
from argosy.schemas.codec import Message, encode_body
from argosy.schemas.envelope import Envelope, read_envelope
from argosy.schemas.errors import (
    BadMessage,
    ConfigurationError,
    MessageTooLarge,
    NewerVersion,
    Refused,
    Unreachable,
)
from argosy.schemas.ids import is_run_id, lane_of
from argosy.schemas.inbox import CancelRequested, RunSubmitted, SignalSent
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import CancelReceived, RunAccepted, SignalReceived
from argosy.schemas.settings import Settings
from argosy.telemetry import logs, propagation, steps
from argosy.telemetry.steps import Position

_MESSAGE_CHARACTERS: Final = 2_000
_FIELD_CHARACTERS: Final = 200
_LOOK_SECONDS: Final = 0.5


class InboxRecord:
    """What becomes of a record. Safe to repeat: the run log and clients know duplicates."""

    def __init__(
        self, settings: Settings, cluster: Cluster, producer: Producer, accept: Accept, source: str
    ) -> None:
        """`source` is the `ce_source` of what is written."""
        self._settings, self._cluster, self._producer, self._accept = settings, cluster, producer, accept
        self._names, self._source = TopicNames(settings.kafka.topic_prefix), source
        room = settings.kafka.max_message_bytes
        self._dead = Graveyard(producer, self._names.dead, source, room)
        self._agents: set[str] = set()
        self._making = asyncio.Lock()
        self._log = logs.get("argosy.receiver")

    async def receive(self, record: Record) -> None:
        """Return when Kafka has acknowledged what the record became; waits while services are away."""
        try:
            envelope = await self._envelope(record)
            message = decode(envelope, record.value)
        except BadMessage as error:
            await self._unreadable(record, error)
            return
        if not is_run_id(envelope.subject):
            await self._bury(record, BadMessage("is no run id", field="ce_subject"))
            return
        match message:
            case RunSubmitted():
                await self._submit(record, envelope, message)
            case SignalSent():
                body = SignalReceived(
                    signal_id=envelope.id,
                    name=message.name,
                    value=message.value,
                    about_sha256=message.about_sha256,
                )
                await self._pass_on(record, envelope, body)
            case CancelRequested():
                await self._pass_on(record, envelope, CancelReceived(reason=message.reason))
            case _:
                await self._bury(
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
        arrived = Arrived(f"{record.partition}/{record.offset}", record.timestamp_ms, envelope.time_ms)
        parent = propagation.checked(envelope.traceparent, envelope.tracestate)
        with steps.accept(Position(record.topic, record.partition, record.offset), run_id, parent) as span:
            traced = replace(envelope, traceparent=span.trace.traceparent, tracestate=span.trace.tracestate)
            try:
                body = await patiently("accept", lambda: self._accept.accept(submit, arrived))
                await self._make_topics(body, arrived.position)
            except NotAdmitted as refused:
                await self._answer(traced, refused.answer)
                return
            try:
                await self._append(traced, body, f"{run_id}/accepted/{arrived.position}")
            except MessageTooLarge as error:
                answer = SubmitRefused(reason="too_large", message=str(error), position=arrived.position)
                await self._answer(traced, answer)
                return
        logs.handoff(
            "accepted",
            traceparent=traced.traceparent,
            run_id=run_id,
            pipeline=f"{body.pipeline.name}@{body.pipeline.version}",
            partition=record.partition,
            offset=record.offset,
        )

    async def _make_topics(self, body: RunAccepted, position: str) -> None:
        """Make a place where the work of an agent waits that nobody has run yet.

        Raises NotAdmitted where there is none that will do and we may make none: nobody else may be held up by that.
        """
        agents = known(body.pipeline).agents
        until = time.monotonic() + self._settings.fleet.unknown_pipeline_seconds
        while not self._agents.issuperset(agents):
            try:
                await self._make(agents)
            except (Refused, ConfigurationError) as error:
                self._log.warning("waiting", what="topics", error=str(error))
                if time.monotonic() >= until:
                    text = f"no topic takes the work of {', '.join(sorted(agents - self._agents))}: {error}"
                    answer = SubmitRefused(
                        reason="invalid", message=text, field="pipeline", position=position
                    )
                    raise NotAdmitted(answer) from error
                await asyncio.sleep(_LOOK_SECONDS)

    async def _make(self, agents: Collection[str]) -> None:
        # The first submits of an agent come together: one of them makes its topic.
        async with self._making:
            new = set(agents) - self._agents
            used: dict[str, Use] = {self._names.tasks(agent): "Write" for agent in new}
            while new:
                try:
                    await provision.ensure(self._cluster, self._settings, new, only=used)
                    break
                except Unreachable as error:
                    self._log.warning("waiting", what="topics", error=str(error))
                    await asyncio.sleep(_LOOK_SECONDS)
            self._agents |= new

    async def _pass_on(
        self, record: Record, envelope: Envelope, body: SignalReceived | CancelReceived
    ) -> None:
        try:
            await self._append(envelope, body, envelope.id)
        except MessageTooLarge as error:  # the inbox took it, but it says the same in more bytes here
            await self._bury(record, error, "oversize")

    async def _append(self, envelope: Envelope, body: Message, ce_id: str) -> None:
        headers = Envelope(
            kind=body.KIND,
            id=ce_id,
            source=self._source,
            subject=envelope.subject,
            traceparent=envelope.traceparent,
            tracestate=envelope.tracestate,
        ).headers()
        lane = lane_of(envelope.subject, self._settings.fleet.lanes)
        key = envelope.subject.encode()
        value = encode_accepted(body) if isinstance(body, RunAccepted) else encode_body(body)
        record = Outgoing(self._names.runs, key, value, headers, partition=lane)
        await patiently("append to the run log", lambda: self._producer.send(record))

    async def _answer(self, envelope: Envelope, answer: SubmitRefused) -> None:
        cut = {"message": answer.message[:_MESSAGE_CHARACTERS], "field": answer.field[:_FIELD_CHARACTERS]}
        answer = answer.model_copy(update=cut)  # both may quote the client: an answer must always fit
        headers = Envelope(
            kind=answer.KIND,
            id=answer.position,
            source=self._source,
            subject=envelope.subject,
            traceparent=envelope.traceparent,
        ).headers()
        key = envelope.subject.encode()
        record = Outgoing(self._names.results, key, encode_body(answer), headers)
        await patiently("answer", lambda: self._producer.send(record))
        self._log.warning(
            "submit refused",
            run_id=envelope.subject,
            reason=answer.reason,
            field=answer.field,
            why=answer.message,
        )

    async def _unreadable(self, record: Record, error: BadMessage) -> None:
        """Keep the message; answer too, if it tells who waits for an answer."""
        await self._bury(record, error)
        subject = next(
            (value.decode(errors="replace") for name, value in record.headers if name == "ce_subject"), ""
        )
        if is_run_id(subject):
            position = f"{record.partition}/{record.offset}"
            text = str(error).removeprefix(f"{error.field}: ")
            answer = SubmitRefused(reason="invalid", message=text, field=error.field, position=position)
            await self._answer(Envelope("", "", "", subject=subject), answer)

    async def _bury(
        self, record: Record, error: BadMessage | MessageTooLarge, reason: Reason | None = None
    ) -> None:
        if reason is None:
            unknown = isinstance(error, BadMessage) and error.field == "ce_type"
            reason = "unknown_kind" if unknown else "undecodable"
        await patiently("dead letter", lambda: self._dead.bury(record, reason, str(error)))
        logs.handoff(
            "dead",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=str(error)[:200],
        )
