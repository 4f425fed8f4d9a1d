"""What a lane's state says of a run whose budget is at its edge; clients read it to tell people who is asked."""

from typing import Final

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

ASKING_FIELD: Final = "ask"
"""Of a run's hash: `Asking`."""
RAISED_FIELD: Final = "b"
"""Of a run's hash: what its budget was raised to, as `<tokens> <millionths>`; 0: not raised. `budget.lua` reads it."""
ASKING_COUNT: Final = "asking"
"""Of a lane's counts: runs that wait for a larger budget."""
ASKING_OF: Final = "asking:"
"""The same of one pipeline, which is named behind it."""
BUDGET_TIMER: Final = "budget"
"""Set while tasks wait for the budget of their run: when it is due, they have waited for long enough."""


@dataclass(slots=True)
class Asking:
    """The budget of a run as it was asked for and answered. Who changes it puts it back at once."""

    waiting: int = 0
    """Tasks that wait until it is raised."""
    since_ms: int = 0
    """Since when the first of them does."""
    until_ms: int = 0
    said: str = ""
    """Why the last of them does: what was spent, and what was asked for."""
    closed: bool = False
    """Nobody is asked any more: the answer was no, or none came in time."""
    raised: int = -1
    """Offset of the answer that raised it last: what was ordered before may still have been refused by less."""
    answers: tuple[str, ...] = ()
    """Ids of the last answers: a repeat changes nothing."""


ASKING: Final = TypeAdapter(Asking)


def raised_to(field: bytes | None) -> tuple[int, int]:
    """Read tokens and money that a budget was raised to, from the run's hash; a ValueError is a damaged one."""
    if field is None:
        return 0, 0
    tokens, micros = map(int, field.split(b" "))
    return tokens, micros


def budget_now(
    budget: int | None, budget_micros: int | None, field: bytes | None
) -> tuple[int | None, int | None]:
    """Say what a budget is by now: what was submitted, or what that was raised to."""
    tokens, micros = raised_to(field)
    return (
        None if budget is None else max(budget, tokens),
        None if budget_micros is None else max(budget_micros, micros),
    )
