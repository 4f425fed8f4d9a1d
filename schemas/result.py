"""The answer to a submit that starts nothing (`run.ended` is the other answer, in `runlog`)."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict


class SubmitRefused(BaseModel):
    """Why a submit was refused. `ce_id` is its inbox position, never the run's id; that is `ce_subject`."""

    KIND: ClassVar[str] = "submit.refused"
    model_config = ConfigDict(frozen=True, extra="ignore")
    reason: Literal[
        "invalid",
        "too_old",
        "too_far_ahead",
        "unknown_pipeline",
        "conflict",
        "too_large",
        "too_late",
        "payload_gone",
    ]
    message: str
    field: str = ""
    """Dotted path of the value that is wrong, as in `input.documents.3.title`."""
    position: str
