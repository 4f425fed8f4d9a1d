"""What stands in the place of a result that a join went on without."""

from typing import Literal

from pydantic import BaseModel

HoleOutcome = Literal["failed", "skipped", "cancelled", "expired"]
"""How the task that left the hole ended; a task that a fired join no longer waits for counts as cancelled."""


class Hole(BaseModel, frozen=True, extra="forbid"):
    """A parent that did not succeed. An agent takes it by declaring `R | Hole` for an input.

    On the wire it is `{"hole": {...}}` where a value is `{"value": ...}` or a payload reference, so that no
    model of a user can be mistaken for it.
    """

    task_id: str
    """The task whose result is missing: the first cause, not the step that passed it on."""
    outcome: HoleOutcome
    reason: str
    """For people; no decision may rest on it."""
