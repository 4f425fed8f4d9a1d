"""Writing `task.settled` for a success; of a plain one from its JSON: nothing is parsed to be written again."""

from dataclasses import dataclass
from functools import lru_cache

from pydantic_core import to_json

from argosy.agents.result import Result
from argosy.agents.running import NO_USAGE, Running
from argosy.broker.values import CountTokens, decode_value, is_too_deep, model_text
from argosy.schemas.codec import encode_body
from argosy.schemas.errors import InvalidInput
from argosy.schemas.payload import INLINE_BYTES, Inline
from argosy.schemas.plain_dispatch import PlainDispatch
from argosy.schemas.runlog import TaskSettled


@dataclass(frozen=True, slots=True)
class Success:
    """How successes of one worker are written."""

    source: str
    count_tokens: CountTokens

    def body(self, running: Running, data: bytes) -> bytes | None:
        """Write the body; None if there is more to it than that: a payload to store, facts to find, taint, a fault.

        The same bytes as `encode_body` gives.
        """
        order = running.order.body
        if order.wants or running.taint or len(data) > INLINE_BYTES or is_too_deep(data):
            return None
        tokens = _handed_on(data, running)
        try:
            if tokens is None:
                tokens = self.count_tokens(model_text(decode_value(data), data))
        except InvalidInput:
            return None
        if running.usage is not NO_USAGE:
            payload = Inline(value=decode_value(data), bytes=len(data), tokens=tokens)
            return self.body_of(running, Result(payload, {}))
        duration_ms = round(running.seconds * 1000)
        return (
            b'{"task_id":%b,"attempt":%d,"outcome":"succeeded","result":{"value":%b,"bytes":%d,"tokens":%d},'
            b'"worker":%b,"deliveries":%d%b}'
            % (
                to_json(order.task_id),
                order.attempt,
                data,
                len(data),
                tokens,
                _quoted(self.source),
                running.deliveries + 1,
                b',"duration_ms":%d' % duration_ms if duration_ms else b"",
            )
        )

    def body_of(self, running: Running, result: Result) -> bytes:
        """Write the body for a result that was found."""
        order = running.order.body
        return encode_body(
            TaskSettled(
                task_id=order.task_id,
                attempt=order.attempt,
                outcome="succeeded",
                result=result.payload,
                facts=result.facts,
                usage=running.usage,
                worker=self.source,
                deliveries=running.deliveries + 1,
                duration_ms=round(running.seconds * 1000),
            )
        )


@lru_cache(maxsize=16)  # one process has one source
def _quoted(text: str) -> bytes:
    return to_json(text)


def _handed_on(data: bytes, running: Running) -> int | None:
    """Return the tokens of an input that is handed on as it came: they were counted, by whoever produced it."""
    body = running.order.body
    if isinstance(body, PlainDispatch) and running.inputs is None:
        return body.tokens if data == body.value and len(data) == body.bytes_ else None
    for payload in running.payloads.values():
        if payload.bytes == len(data) and isinstance(payload, Inline) and to_json(payload.value) == data:
            return payload.tokens
    return None
