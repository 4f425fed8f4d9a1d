"""Join policies: from counts to a verdict. The same for the parents of a step and the shards of a map."""

from dataclasses import dataclass
from typing import Literal

from argosy.schemas.edges import Join

Verdict = Literal["open", "met", "failed"]


@dataclass(frozen=True, slots=True)
class Tally:
    """What has ended of those that a join counts."""

    total: int
    succeeded: int
    missing: int
    """Ended without success."""
    late: bool = False
    """The join's time is up."""

    @property
    def still_open(self) -> int:
        """How many have not ended."""
        return self.total - self.succeeded - self.missing


def needed(join: Join, total: int) -> int:
    """How many successes the policy asks for."""
    match join.policy:
        case "all_ended":
            return 0
        case "any":
            return 1
        case "quorum" | "deadline":
            share = join.share_per_mille
            return join.count or 0 if share is None else (share * total + 999) // 1000


def verdict(join: Join, tally: Tally) -> Verdict:
    """Judge a join: `met` and `failed` are final, whatever comes later."""
    least = needed(join, tally.total)
    match join.policy:
        case "any" | "quorum":
            if tally.succeeded >= least:
                return "met"
            out_of_reach = tally.succeeded + tally.still_open < least
            return "failed" if out_of_reach or tally.late else "open"
        case "all_ended" | "deadline":
            if tally.still_open and not tally.late:
                return "open"
            return "met" if tally.succeeded >= least else "failed"
