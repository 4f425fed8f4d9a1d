"""Makes the story of a failing seed short: drops events and shortens the rest, while it still fails the same way."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from argosy.testing.faults import AMOUNTS, Event

StillFails = Callable[[Sequence[Event]], bool]


def shrink(events: Sequence[Event], still_fails: StillFails) -> tuple[Event, ...]:
    """Return as few and as small events as `still_fails` is true of; those given must be among them."""
    kept = _fewer(tuple(events), still_fails)
    return _smaller(kept, still_fails)


def _fewer(events: tuple[Event, ...], still_fails: StillFails) -> tuple[Event, ...]:
    size = max(1, len(events) // 2)
    while size:
        first = 0
        while first < len(events):
            without = events[:first] + events[first + size :]
            if still_fails(without):
                events = without
            else:
                first += size
        size //= 2
    return events


def _smaller(events: tuple[Event, ...], still_fails: StillFails) -> tuple[Event, ...]:
    for place, event in enumerate(events):
        for amount in sorted(AMOUNTS.get(event.kind, ()), key=abs):
            if abs(amount) >= abs(event.amount):
                break
            changed = (*events[:place], replace(event, amount=amount), *events[place + 1 :])
            if still_fails(changed):
                events = changed
                break
    return events
