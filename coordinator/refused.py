"""What the inbox refuses: answered, if it tells who waits for an answer, or kept as a dead letter, or both."""

from typing import Final

from argosy.broker.deadletters import Graveyard, Reason
from argosy.broker.log import Outgoing, Producer, Record
from argosy.broker.topics import TopicNames
from argosy.coordinator.patience import patiently
from argosy.schemas.codec import encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage, MessageTooLarge
from argosy.schemas.ids import is_run_id
from argosy.schemas.result import SubmitRefused
from argosy.schemas.settings import KafkaSettings
from argosy.telemetry import logs, metrics

_MESSAGE_CHARACTERS: Final = 2_000
_FIELD_CHARACTERS: Final = 200


class Refused:
    """Where refused records go. Safe to repeat: clients know duplicates, and so does who reads the dead letters."""

    def __init__(self, producer: Producer, kafka: KafkaSettings, source: str) -> None:
        """`source` is the `ce_source` of what is written."""
        self._producer, self._source = producer, source
        self._names = TopicNames(kafka.topic_prefix)
        self._dead = Graveyard(producer, self._names.dead, source, kafka.max_message_bytes)
        self._log = logs.get("argosy.receiver")

    async def answer(self, envelope: Envelope, answer: SubmitRefused) -> None:
        """Answer whoever submitted, and return when Kafka has it."""
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
        metrics.submit_refused(answer.reason)
        self._log.warning(
            "submit refused",
            run_id=envelope.subject,
            reason=answer.reason,
            field=answer.field,
            why=answer.message,
        )

    async def unreadable(self, record: Record, error: BadMessage) -> None:
        """Keep the message; answer too, if it tells who waits for an answer."""
        await self.bury(record, error)
        subject = next(
            (value.decode(errors="replace") for name, value in record.headers if name == "ce_subject"), ""
        )
        if is_run_id(subject):
            position = f"{record.partition}/{record.offset}"
            text = str(error).removeprefix(f"{error.field}: ")
            answer = SubmitRefused(reason="invalid", message=text, field=error.field, position=position)
            await self.answer(Envelope("", "", "", subject=subject), answer)

    async def bury(
        self, record: Record, error: BadMessage | MessageTooLarge, reason: Reason | None = None
    ) -> None:
        """Keep a record as a dead letter, and return when Kafka has it."""
        if reason is None:
            unknown = isinstance(error, BadMessage) and error.field == "ce_type"
            reason = "unknown_kind" if unknown else "undecodable"
        await patiently("dead letter", lambda: self._dead.bury(record, reason, str(error)))
        metrics.dead_lettered(record.topic, reason)
        logs.handoff(
            "dead",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
            error=str(error)[:200],
        )
