"""The options of a submit that have nothing to do with which run it is."""

from typing import Literal, TypedDict

from argosy.schemas.runlog import OnSpent

WhenBusy = Literal["wait", "raise"]
"""While the fleet has as many runs under way as it may hold: wait for room, or raise Busy."""


class RunOptions(TypedDict, total=False):
    """What `submit` takes by name, for those that pass it on."""

    priority: int
    deadline_seconds: float | None
    untrusted: bool
    tenant: str | None
    budget: int | None
    budget_micros: int | None
    on_spent: OnSpent
    ask_seconds: float | None
    when_busy: WhenBusy
