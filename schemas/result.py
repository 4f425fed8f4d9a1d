"""The answer to a submit that starts nothing (`run.ended` is the other answer, in `runlog`)."""

from typing import ClassVar, Literal

from pydantic import ConfigDict

from argosy.schemas.late import Late


class Full(Late):
    """A bound on runs under way that is reached, with its figures."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    bound: Literal["runs", "pipeline", "bytes"]
    """Of all runs, of those of one pipeline, of the bytes that their state takes."""
    under_way: int
    most: int
    retry_after_seconds: int
    """When there may be room, by how fast runs have ended lately."""
    pipeline: str = ""

    @property
    def said(self) -> str:
        """The figures as a sentence, and when to ask again."""
        return f"{self.bounds}; there may be room in {self.retry_after_seconds} s"

    @property
    def bounds(self) -> str:
        """The figures alone."""
        return {
            "runs": f"{self.under_way} runs are under way, the fleet holds {self.most}",
            "pipeline": f"{self.under_way} runs of {self.pipeline} are under way, {self.most} may be",
            "bytes": f"the runs under way take {self.under_way} bytes, the fleet holds {self.most}",
        }[self.bound]


class SubmitRefused(Late):
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
        "busy",
    ]
    message: str
    field: str = ""
    """Dotted path of the value that is wrong, as in `input.documents.3.title`."""
    position: str
    full: Full | None = None
    """Of a refusal as `busy`: the bound that is reached, and when to submit again."""
