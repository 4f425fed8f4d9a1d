"""What is said to a model and what comes back: messages, replies, token usage."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

Role = Literal["system", "user", "assistant"]

Stop = Literal["stop", "length", "content_filter", "tool_calls", "other"]
"""Why the model stopped: done, out of output tokens, cut by a filter, asking for tools, or something else."""


class Message(BaseModel):
    """One turn of a conversation with a model."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Role
    content: str


def _is_zero(value: object) -> bool:
    return value == 0


class Usage(BaseModel):
    """Tokens that model calls took, as the provider counted them. Add usages with `+`."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    input_tokens: NonNegativeInt = 0
    """Whole prompts, cached parts included."""
    output_tokens: NonNegativeInt = 0
    counted_tokens: Annotated[NonNegativeInt, Field(exclude_if=_is_zero)] = 0
    """The same prompts as we had counted them before; absent where the provider told nothing."""

    micros: Annotated[NonNegativeInt, Field(exclude_if=_is_zero)] = 0
    """Millionths of the unit of money; known for runs that have a budget of money."""

    @property
    def total_tokens(self) -> int:
        """Return what counts against a budget: input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: "Usage") -> "Usage":
        """Sum field by field."""
        return Usage(
            input_tokens=self.input_tokens + other.input_tokens,
            output_tokens=self.output_tokens + other.output_tokens,
            counted_tokens=self.counted_tokens + other.counted_tokens,
            micros=self.micros + other.micros,
        )


class Reply(BaseModel):
    """A model's answer to `ctx.model.chat`."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    text: str
    usage: Usage = Usage()
    stop: Stop = "stop"
    model: str = ""
    """The model that answered, in the provider's own words."""
