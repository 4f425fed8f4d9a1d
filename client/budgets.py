"""The budget of a run as its lane's state tells it: what it is by now, and who waits for it to be raised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pydantic import TypeAdapter

from argosy.broker.keys import LaneKeys
from argosy.broker.store import Store
from argosy.schemas.asking import ASKING, ASKING_FIELD, RAISED_FIELD, Asking, budget_now
from argosy.schemas.ids import lane_of
from argosy.schemas.runlog import OnSpent
from argosy.schemas.settings import Settings

FIELDS: Final = ("run", RAISED_FIELD, ASKING_FIELD, "n")
"""Of a run's hash: what `budget_in` reads, in this order."""


class Reading(Protocol):
    """What is needed to look: nothing is written."""

    @property
    def settings(self) -> Settings:
        """Where the lanes are."""
        ...

    @property
    def store(self) -> Store:
        """Where their state is."""
        ...


@dataclass(frozen=True, slots=True)
class RunBudget:
    """The budget of a run that is under way. Money in millionths; None: no limit of that kind."""

    tokens: int | None
    micros: int | None
    taken_tokens: int
    """By attempts that have settled; calls under way come on top."""
    taken_micros: int
    on_spent: OnSpent
    asking: Asking

    @property
    def said(self) -> str:
        """The budget as a phrase."""
        kinds = (
            (self.taken_tokens, self.tokens, "tokens"),
            (self.taken_micros, self.micros, "millionths of money"),
        )
        return ", ".join(f"{taken} of {most} {what} taken" for taken, most, what in kinds if most is not None)


@dataclass(frozen=True, slots=True)
class _Pinned:
    """What a run was submitted with, of all that it pinned."""

    budget: int | None = None
    budget_micros: int | None = None
    on_spent: OnSpent = "fail"


_PINNED: Final = TypeAdapter(_Pinned)


def budget_in(fields: Sequence[bytes | None]) -> RunBudget | None:
    """Read `FIELDS`; None of a run that is not under way, or has no budget."""
    run, raised, asking, totals = fields
    if run is None:
        return None
    pinned = _PINNED.validate_json(run)
    if pinned.budget is None and pinned.budget_micros is None:
        return None
    tokens, micros = budget_now(pinned.budget, pinned.budget_micros, raised)
    given, made, _, *money = [int(each) for each in (totals or b"0 0 0").split(b" ")]
    found = Asking() if asking is None else ASKING.validate_json(asking)
    return RunBudget(tokens, micros, given + made, sum(money), pinned.on_spent, found)


async def of_run(links: Reading, run_id: str) -> RunBudget | None:
    """Look at the budget of a run; None: it has none, has ended, or nobody knows it. Raises Unreachable."""
    keys = LaneKeys(links.settings.redis.key_prefix, lane_of(run_id, links.settings.fleet.lanes))
    (epoch,) = await links.store.hmget(keys.checkpoint, ["epoch"])
    if epoch is None:
        return None
    state, *fields = await links.store.hmget(keys.run(epoch.decode(), run_id), ["st", *FIELDS])
    return budget_in(fields) if state == b"active" else None
