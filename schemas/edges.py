"""What a step reads and waits for: edges from other steps, constants, conditions, and when it may go early."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Discriminator, Field, JsonValue, NonNegativeInt, Tag, model_validator

from argosy.schemas.contract import PerMille, Seconds, is_none
from argosy.schemas.ids import Name

INPUT = "input"
"""The source that is the run's own input; no step has this name. A child pipeline's input is called so."""

JoinPolicy = Literal["all_ended", "any", "quorum", "deadline"]


def _is_false(value: object) -> bool:
    return value is False


def is_empty(value: object) -> bool:
    """Leave out a tuple without entries, as if it were absent."""
    return value == ()


Select = Annotated[str | None, Field(exclude_if=is_none, max_length=4096)]
Source = Annotated[Name, Field(alias="from")]
Parameter = Annotated[str, Field(min_length=1, max_length=255)]


class PipelineData(
    BaseModel,
    frozen=True,
    extra="forbid",
    populate_by_name=True,
    serialize_by_alias=True,
    defer_build=True,  # see schemas.late: what is frozen can't inherit what isn't
):
    """A part of a compiled pipeline: never changed, and nothing else may stand in it."""


class Pick(PipelineData, frozen=True):
    """A value of the run's input or of a step. As a condition it counts if it is JSON `true`, only then."""

    source: Source
    select: Select = None
    """JMESPath over the value; absent: the whole."""


class InputEdge(PipelineData, frozen=True):
    """A value that a step reads into a parameter of its agent."""

    name: Parameter
    source: Source
    select: Select = None
    hole: Annotated[bool, Field(exclude_if=_is_false)] = False
    """The step runs also if a hole is there; else it is skipped then."""


class Constant(PipelineData, frozen=True):
    """A parameter whose value the author wrote down."""

    name: Parameter
    value: JsonValue


class After(PipelineData, frozen=True):
    """A step that is waited for without reading it."""

    source: Source
    hole: Annotated[bool, Field(exclude_if=_is_false)] = False


class Join(PipelineData, frozen=True):
    """When a step may go before all its `hole` inputs (of a map: its shards) are there.

    `all_ended`: when all ended, however. `any`: at the first success. `quorum`: at `count` successes, or at
    `share` of all. `deadline`: when all ended or after `within_seconds`, if at least `count` succeeded. `any`
    and `quorum` fail when their number is out of reach, or after `within_seconds`.
    """

    policy: JoinPolicy
    count: Annotated[NonNegativeInt | None, Field(exclude_if=is_none)] = None
    share: Annotated[float | None, Field(exclude_if=is_none, gt=0, le=1)] = None
    within_seconds: Annotated[Seconds | None, Field(exclude_if=is_none)] = None

    @model_validator(mode="after")
    def _has_the_numbers_of_its_policy(self) -> Self:
        numbers = (self.count is not None, self.share is not None, self.within_seconds is not None)
        match self.policy, numbers:
            case ("all_ended", (False, False, False)) | ("any", (False, False, _)):
                return self
            case ("quorum", (True, False, _)) | ("quorum", (False, True, _)) | ("deadline", (_, False, True)):
                if self.policy == "quorum" and self.count == 0:
                    message = "a quorum needs a count of at least 1"
                    raise ValueError(message)
                return self
            case _:
                message = (
                    f"a join of policy {self.policy!r} takes "
                    "all_ended: nothing; any: within_seconds or nothing; "
                    "quorum: count or share, and within_seconds or not; "
                    "deadline: within_seconds, and count or not"
                )
                raise ValueError(message)

    @property
    def share_per_mille(self) -> PerMille | None:
        """The share as an integer, for the core."""
        return None if self.share is None else PerMille(round(self.share * 1000))

    @property
    def within_millis(self) -> int | None:
        """Milliseconds from the first parent's end (of a map: from its start), or None for no limit."""
        return None if self.within_seconds is None else round(self.within_seconds * 1000)


def _input_kind(value: object) -> Literal["constant", "edge"]:
    match value:
        case Constant():
            return "constant"
        case dict():
            return "constant" if "value" in value else "edge"
        case _:
            return "edge"


StepInput = Annotated[
    Annotated[InputEdge, Tag("edge")] | Annotated[Constant, Tag("constant")], Discriminator(_input_kind)
]


NoInputs = Annotated[tuple[StepInput, ...], Field(exclude_if=is_empty, max_length=0)]
