"""What a replay takes over from an earlier run: which run, and what its tasks left."""

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from argosy.schemas.facts import Fact, Facts
from argosy.schemas.fault import Fault
from argosy.schemas.ids import RUN_ID_PATTERN
from argosy.schemas.late import Late
from argosy.schemas.payload import Payload

_DATA = ConfigDict(frozen=True, extra="forbid")
TRACEPARENT = r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$"

Traceparent = Annotated[str, Field(pattern=TRACEPARENT)]


class ReplayOf(Late):
    """The run that is run again, in whole or in part."""

    model_config = _DATA
    run_id: Annotated[str, Field(pattern=RUN_ID_PATTERN)]
    traceparent: Traceparent | None = None
    """Of that run: the new one's trace has a link to it."""


class Reused(Late):
    """What a task of that run left: its result, or the fault that it failed of for good."""

    model_config = _DATA
    payload: Payload | None = None
    facts: Facts = Field(default_factory=dict[str, Fact], json_schema_extra={"default": {}})
    """What the coordinator must know of the result, as the task that made it said."""
    fault: Fault | None = None
    traceparent: Traceparent | None = None
    """Of the call that made it: who reads the result has a link to it."""

    @model_validator(mode="after")
    def _one_outcome(self) -> "Reused":
        if (self.payload is None) == (self.fault is None):
            message = "give payload or fault, one of them"
            raise ValueError(message)
        return self
