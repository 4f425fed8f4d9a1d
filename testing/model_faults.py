"""What can go wrong with a call of a scripted model: a table of faults, each with the calls that it hits."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

Seconds = Annotated[float, Field(ge=0.0, le=3_600.0)]


class Hits(BaseModel):
    """Which calls a fault hits: from the `first` to the `last` (for ever, if absent), each `every`-th of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    first: PositiveInt = 1
    last: PositiveInt | None = None
    every: PositiveInt = 1

    @model_validator(mode="after")
    def _some_call(self) -> Self:
        if self.last is not None and self.last < self.first:
            message = f"no call is hit: last ({self.last}) is before first ({self.first})"
            raise ValueError(message)
        return self

    def hits(self, call: int) -> bool:
        """Say whether the call of this number (from 1) is hit."""
        if call < self.first or (self.last is not None and call > self.last):
            return False
        return (call - self.first) % self.every == 0


class Status(Hits):
    """The call is answered with an error; `retry_after_seconds` goes out as `retry-after` and `retry-after-ms`."""

    kind: Literal["status"] = "status"
    status: Annotated[int, Field(ge=400, le=599)] = 500
    retry_after_seconds: Seconds | None = None
    code: str | None = None
    """The error's `code`; what OpenAI says with this status, if absent."""
    message: str = "the script wants this error"


class SlowStart(Hits):
    """The first byte comes late."""

    kind: Literal["slow_start"] = "slow_start"
    seconds: Seconds


class SlowStream(Hits):
    """Between two pieces of the answer, so many seconds pass."""

    kind: Literal["slow_stream"] = "slow_stream"
    seconds: Seconds


class Cut(Hits):
    """The connection ends in the middle: of a stream after `after` events, of any other answer after half of it."""

    kind: Literal["cut"] = "cut"
    after: Annotated[int, Field(ge=0)] = 2


class Malformed(Hits):
    """What is sent with status 200 is no JSON: the answer, or the last event of a stream."""

    kind: Literal["malformed"] = "malformed"


class EmptyChoices(Hits):
    """The answer has no choice."""

    kind: Literal["empty_choices"] = "empty_choices"


class OutOfTokens(Hits):
    """The text ends after so many tokens (half of them, if absent) with `finish_reason` "length"."""

    kind: Literal["length"] = "length"
    tokens: Annotated[int, Field(ge=0)] | None = None


class Filtered(Hits):
    """The answer is empty, its `finish_reason` is "content_filter"."""

    kind: Literal["content_filter"] = "content_filter"


class WrongUsage(Hits):
    """The usage that is told is this one; none at all, if both are absent."""

    kind: Literal["wrong_usage"] = "wrong_usage"
    prompt_tokens: Annotated[int, Field(ge=0)] | None = None
    completion_tokens: Annotated[int, Field(ge=0)] | None = None


Fault = Annotated[
    Status | SlowStart | SlowStream | Cut | Malformed | EmptyChoices | OutOfTokens | Filtered | WrongUsage,
    Field(discriminator="kind"),
]

WITHHOLDING = (Status, Cut, Malformed, EmptyChoices)
"""Faults after which the caller has no answer: the reply is kept for its next call."""
