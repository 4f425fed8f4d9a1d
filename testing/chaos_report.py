"""What a chaos run found, as data: `argosy chaos --json FILE` writes it, text and page are made of it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

_FROZEN = ConfigDict(frozen=True)
Verdict = Literal["held", "broken", "incomplete", "empty", "slow"]
"""`incomplete`: every promise held, but faults were not carried out, or most came to nothing: less was shown than was
planned. `empty`: nothing was hurt or nothing went through, so nothing was shown. `slow`: runs still went on when the
time to come to rest was up, so that nobody can say whether they would have ended."""


class StrikeReport(BaseModel):
    """One fault. Seconds count from the start of the load."""

    model_config = _FROZEN
    number: int
    kind: str
    code: str
    victims: tuple[str, ...]
    at: float
    ended: float
    said: str
    """What it did; empty: nothing came of it."""
    error: str = ""
    recovery_seconds: float | None = None
    """Until throughput was back at 90 %: from a kill, or from the end of a fault that lasts.

    None: not before the next one, or there was no calm to compare with.
    """


class Invariant(BaseModel):
    """One promise, or one condition of the run itself."""

    model_config = _FROZEN
    name: str
    checked: int
    broken: int
    told: tuple[str, ...] = ()
    """Some of what is wrong."""
    of_fleet: bool = True
    """False: a condition of the run itself. Where it doesn't hold less was shown, and no promise was broken."""

    @property
    def untold(self) -> int:
        """How much is wrong that is not written out."""
        return max(0, self.broken - len(self.told)) if self.told else 0


class LoadReport(BaseModel):
    """What went through."""

    model_config = _FROZEN
    acknowledged: int
    ended: int
    outcomes: dict[str, int]
    tasks: int
    """Tasks that succeeded."""
    deliveries: int
    """Times that a handler began, by the outside ledger (tasks of the fleet itself count once); without one: settled
    attempts, each as often as it was."""
    duplicates: dict[str, int]
    """What came more than once and was absorbed."""
    restarts: dict[str, int]
    """Process -> how often it was started again."""


class Report(BaseModel):
    """The whole."""

    model_config = _FROZEN
    version: int = 1
    argosy: str
    app: str
    pipelines: tuple[str, ...]
    seed: int
    started: str
    """UTC, ISO 8601."""
    seconds: float
    """Of load, until the last run had ended."""
    machine: str
    processes: int
    lease_seconds: float
    session_seconds: float
    calm_seconds: float
    load: LoadReport
    strikes: tuple[StrikeReport, ...]
    baseline: float
    """Tasks a second in the calm at the beginning; 0: there was none."""
    curve: tuple[int, ...]
    """Tasks that succeeded, by second."""
    invariants: tuple[Invariant, ...]
    verdict: Verdict
    unended: int = 0
    """Of a slow run: what was under way still."""
    interrupted: bool = False
    """Ctrl-C ended load and faults early: this is what there was by then."""
