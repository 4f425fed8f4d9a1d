"""The loads of the kill matrix: what runs are about, and what each of them must come to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from argosy import Pipeline
from support.crash_app import Topic, asking, diamond, paged, planned, spread, tight

Load = Literal[
    "plain",
    "slow",
    "large",
    "spilling",
    "spread",
    "tight",
    "paged",
    "planned",
    "asking",
    "spent",
    "cancelled",
    "signalled",
    "garbled",
]


@dataclass(frozen=True)
class Shape:
    """A pipeline, and how its tasks hang together."""

    pipeline: Pipeline[Any, Any]
    given: Mapping[str, tuple[str, ...]]
    """What each task is given, by names inside the run, in its order; `list:0` is an item of what `list` answers."""
    last: str
    """Whose answer is the run's."""
    direct: bool
    """Whether a task is ordered by nothing but the last of what it is given; else something may come between."""
    silent: frozenset[str] = frozenset()
    """What workers do themselves: it makes no side effect, and has no value of its own."""


Answer = Literal["raise", "early", "deny", "silence"]
"""What a run is told whose budget is too small: more, when it asks or before; no; nothing."""


@dataclass(frozen=True)
class Expected:
    """What must become of one run."""

    shape: Shape
    outcomes: tuple[str, ...] = ("succeeded",)
    fault: str = ""
    """Its code, if the run fails."""
    attempts: Mapping[str, int] | None = None
    """How many a task may be ordered, where it is more than one."""
    signal: str = ""
    """The id of a signal that was sent to it."""
    budget: int | None = None
    """Tokens that it may take."""
    answer: Answer | None = None
    """It asks for more than that, and is told this."""

    @property
    def limit(self) -> int | None:
        """Tokens that it may take in the end."""
        return BUDGET_TOKENS if self.answer in ("raise", "early") else self.budget


DIAMOND: Final = Shape(diamond, {"left": (), "right": (), "join": ("left", "right")}, "join", direct=True)
SPREAD: Final = Shape(
    spread,
    {
        "list": (),
        "each.0/one": ("list:0",),
        "each.1/one": ("list:1",),
        "each.0/two": ("each.0/one",),
        "each.1/two": ("each.1/one",),
        "again.0": ("each.0/two",),
        "again.1": ("each.1/two",),
        "sub/one": ("list:0",),
        "sub/two": ("sub/one",),
        "join": ("again.0", "again.1", "sub/two"),
    },
    "join",
    direct=False,
)
TIGHT: Final = Shape(tight, {"left": (), "narrow": ("left",)}, "narrow", direct=True)

_PAGES: Final = tuple(f"read/p1.{number}" for number in range(4))
PAGED: Final = Shape(
    paged,
    {"left": (), "read/p0": ("left",), **dict.fromkeys(_PAGES, ("left",)), "read/p2.0": _PAGES},
    "read/p2.0",
    direct=False,
    silent=frozenset({"read/p0", "read/p2.0"}),
)

PLANNED: Final = Shape(
    planned,
    {
        "left": (),
        "plan": ("left",),
        "plan/one": ("plan",),
        "plan/more": ("plan",),
        "plan/two": ("plan/one",),
        "plan/all": ("plan/one", "plan/two"),
        "last": ("plan/all", "plan/two", "plan/one", "plan/more"),
    },
    "last",
    direct=False,
)

ASKING: Final = Shape(asking, {"left": (), "think": ("left",), "last": ("think",)}, "last", direct=True)

_TOPICS: Final[Mapping[Load, Mapping[str, Any]]] = {
    "slow": {"seconds": 1.5},
    "cancelled": {"seconds": 1.0},
    "large": {"bulk": 70_000, "padding": "y" * 70_000},
    "spilling": {"bulk": 40_000},
}
BUDGET_TOKENS: Final = 5_000
"""Of a run that asks a model twice: what a call may have taken that died under way counts too."""
LITTLE_TOKENS: Final = 60
"""Less than one call of a model may take."""
SILENT_SECONDS: Final = 3.0
"""For how long a run asks that nobody answers."""
DENIED: Final = "too dear"
_ANSWERS: Final[tuple[Answer, ...]] = ("raise", "deny", "silence", "early")
_FOUR_PAGES: Final = 4_400
"""Characters of a text that a reader is given in four pages."""
_TOO_MUCH: Final = 8_000
"""Characters that no narrow window holds."""


def topic(load: Load, run_id: str, number: int) -> Topic:
    """Make the input of a cell's run of this number."""
    if load == "paged":
        return Topic(name=run_id, bulk=_FOUR_PAGES)
    if load == "tight":
        return Topic(name=run_id, bulk=_TOO_MUCH if number % 2 else 0)
    return Topic(
        name=run_id,
        flaky=load not in ("spread", "planned", "asking", "spent") and number % 2 == 1,
        **_TOPICS.get(load, {}),
    )


def expected(  # noqa: PLR0911 - one for each load
    load: Load, run_id: str, number: int
) -> Expected:
    """Say what must become of it."""
    odd = number % 2 == 1
    again = {"right": 2} if odd else {}
    match load:
        case "spread":
            return Expected(SPREAD)
        case "paged":
            return Expected(PAGED)
        case "asking":
            return Expected(ASKING, budget=BUDGET_TOKENS)
        case "spent":
            return _spent(_ANSWERS[number % len(_ANSWERS)])
        case "planned":
            return Expected(PLANNED)
        case "tight":
            return Expected(TIGHT, ("failed",), "context_refused") if odd else Expected(TIGHT)
        case "cancelled":
            return Expected(DIAMOND, ("cancelled", "succeeded") if odd else ("succeeded",), attempts=again)
        case "signalled":
            return Expected(DIAMOND, attempts=again, signal=f"{run_id}-signal")
        case "garbled":
            return Expected(DIAMOND, attempts={"left": 2, **again})
        case _:
            return Expected(DIAMOND, attempts=again)


def _spent(answer: Answer) -> Expected:
    if answer in ("deny", "silence"):
        return Expected(ASKING, ("failed",), "budget_spent", budget=LITTLE_TOKENS, answer=answer)
    return Expected(ASKING, attempts={"think": 2}, budget=LITTLE_TOKENS, answer=answer)
