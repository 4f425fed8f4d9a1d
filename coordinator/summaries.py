"""Tasks whose inputs are too large and are summarised: planned, page by page, again while they are too large.

`<task>/p0` plans, `<task>/p1.<n>` are the summaries of the pages; `<task>/p2.0` is the task itself, with the summaries
in place of what was too large, or `<task>/p2` plans again over them, and so on.
"""

from typing import Final

from argosy.coordinator.capacity import REFUSED
from argosy.coordinator.kept import TaskResult
from argosy.coordinator.paging import Paging
from argosy.coordinator.place import Place
from argosy.coordinator.rounds import fill, next_plan, next_round, records_in, result_tokens, told
from argosy.coordinator.turn import Turn
from argosy.schemas.fault import Fault
from argosy.schemas.pages import KEPT, MOST_PAGES, NUMBER, TOKENS, Reduction

MOST_ROUNDS: Final = 4
"""Of summaries of one task: what is said more shortly still is not said any more."""
SHRINKS_PER_MILLE: Final = 750
"""Of what a round begins with: what it leaves at most, unless that fits."""
EACH_TOKENS: Final = 2
"""What a summary takes beside its own tokens: a blank line, or its place in a list."""


def planned(turn: Turn, above: Place, paging: Paging, result: TaskResult) -> Fault | None:
    """Order the summaries of a plan, or the whole if it fits as it is; a fault if it can't be a plan."""
    number, kept, tokens = (_whole(told(result.facts, want)) for want in (NUMBER, KEPT, TOKENS))
    records = records_in(result.facts)
    known = min(number, kept, tokens) >= 0 and sum(record.pages for record in records) == number
    if not known or number > MOST_PAGES:
        message = f"{above.local} was to be summarised, and its plan has {number} pages"
        return Fault(code=REFUSED, message=f"{message} of {len(records)} inputs; at most {MOST_PAGES}")
    paging.records = (*paging.records, records)
    if number == 0:
        paging.round += 1  # of no summaries
        next_round(turn, above, paging, 1)
        return None
    paging.kept, paging.tokens, paging.summaries = kept, tokens, paging.summaries + 1
    next_round(turn, above, paging, number)
    return None


def summarised(turn: Turn, above: Place, paging: Paging) -> Fault | None:
    """Go on after a summary: with more of them, the whole, or another round; a fault if that leads nowhere."""
    paging.done += 1
    if paging.done < paging.length:
        fill(turn, above, paging)
        return None
    after, records = _counted(turn, above, paging)
    paging.records = (*paging.records[:-1], records)
    if after <= paging.room:
        next_round(turn, above, paging, 1)
        return None
    shrunk = after * 1000 <= paging.tokens * SHRINKS_PER_MILLE
    if shrunk and paging.summaries < MOST_ROUNDS:
        next_plan(turn, above, paging)
        return None
    figures = {"tokens": after, "before": paging.tokens, "room": paging.room, "round": paging.summaries}
    message = (
        f"{above.local}: round {paging.summaries} of its summaries left {after} tokens of {paging.tokens}"
    )
    message += f", and there is room for {paging.room}; "
    message += f"after {MOST_ROUNDS} rounds there is none" if shrunk else "that is less than a quarter less"
    return Fault(code=REFUSED, message=message, figures=figures)


def _whole(value: object) -> int:
    return value if type(value) is int else -1


def _counted(turn: Turn, above: Place, paging: Paging) -> tuple[int, tuple[Reduction, ...]]:
    """Count what a round of summaries left: in all, and of each input."""
    first, records, total = 0, list[Reduction](), paging.kept
    for record in paging.records[-1]:
        numbers = range(first, first + record.pages)
        after = sum(result_tokens(turn, above, paging.round, number) + EACH_TOKENS for number in numbers)
        records.append(record.model_copy(update={"after": after}))
        first, total = first + record.pages, total + after
    return total, tuple(records)
