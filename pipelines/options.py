"""What every step may be told beside its inputs."""

from collections.abc import Sequence
from typing import TypedDict

from argosy.pipelines.join import AllOf, Partial
from argosy.pipelines.ref import Ref


class NodeOptions(TypedDict, total=False):
    """Options of steps and maps."""

    name: str
    """Absent: the name of the agent or of the pipeline."""
    after: Sequence[Ref[object]]
    """Steps that are waited for without reading them."""
    when: Ref[bool] | Sequence[Ref[bool]]
    """All must be true, else the step is skipped."""
    unless: Ref[bool] | Sequence[Ref[bool]]
    """None may be true, else the step is skipped."""
    deadline_seconds: float
    """Of the step, from when it is ready; absent: the run's."""


class StepOptions(NodeOptions, total=False):
    """Options of a step; a map has its own `join`, which decides its type."""

    join: AllOf | Partial | None
    """When it may go before all that may be holes are there; absent: never."""


def many(refs: Ref[bool] | Sequence[Ref[bool]]) -> tuple[Ref[bool], ...]:
    """Give one condition or several as several."""
    return (refs,) if isinstance(refs, Ref) else tuple(refs)
