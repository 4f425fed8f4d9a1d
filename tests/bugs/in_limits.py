"""Bugs in what limits a fleet: budgets of runs, buckets of models, dispatch windows."""

# ruff: noqa: SLF001 - scripts are their modules' own
# pyright: reportPrivateUsage=false

from typing import Final

from argosy.agents import bucket, budget
from argosy.coordinator import windows
from bugs.bug import Bug
from bugs.planting import Edit

_BUDGET, _BUCKET = [budget._BUDGET], [bucket._BUCKET]

LIMIT_BUGS: Final = (
    Bug(
        "reserved_counts_not",
        "what calls under way reserved of a budget counts as nothing: many at once overspend it",
        (Edit(_BUDGET, "spent[name] + reserved[name] + ask > limit", "spent[name] + ask > limit"),),
    ),
    Bug(
        "dead_calls_are_free",
        "what a worker reserved of a budget before it died is given back, though its call was made",
        (
            Edit(
                _BUDGET,
                "      spend(name, tokens, micros)\n      spent.tokens, spent.micros = spent.tokens + tokens",
                "      redis.call('HDEL', ledger, name)\n      spent.tokens, spent.micros = spent.tokens + 0 * tokens",
            ),
        ),
    ),
    Bug(
        "unused_stays_reserved",
        "what a model call reserved of its bucket and did not use never comes back",
        (Edit(_BUCKET, "s.level + tokens - used)", "s.level + math.min(0, tokens - used))"),),
    ),
    Bug(
        "busy_servers_are_asked",
        "a server that wants patience is asked on",
        (Edit(_BUCKET, "s.blocked = math.max(s.blocked, now + ms)", "s.blocked = s.blocked"),),
    ),
    Bug(
        "slow_agents_are_flooded",
        "a dispatch window never shrinks: before a slow agent lie minutes of work",
        (Edit(windows.Window.settled, "if self.size > floor:", "if False:"),),
    ),
    Bug(
        "windows_starve_slots",
        "a dispatch window shrinks below what is in handlers: slots of long tasks stay empty",
        (
            Edit(
                windows.Window.settled,
                "floor = bounds.least if self._floor is None else self._floor",
                "floor = bounds.least",
            ),
        ),
    ),
)
