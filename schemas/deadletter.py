"""A dead letter: a message that can't be processed, kept with the reason."""

from typing import ClassVar, Literal

from pydantic import ConfigDict

from argosy.schemas.late import Late


class DeadLetter(Late):
    """Original bytes are base64, cut to fit, and say so; topic, partition and offset lead back to them."""

    KIND: ClassVar[str] = "message.died"
    model_config = ConfigDict(frozen=True, extra="ignore")
    reason: Literal["undecodable", "oversize", "unknown_kind", "wrong_agent", "payload_gone"]
    message: str
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: str
    headers: tuple[tuple[str, str], ...]
    value: str
    value_bytes: int
    cut: bool
