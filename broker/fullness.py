"""How full the fleet is: runs under way against what it may hold, as receivers found it some seconds ago.

For clients, which needn't send what would be refused, and for people who look. What becomes of a submit is for the
receiver that reads it alone.
"""

from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from argosy.broker.keys import FleetKeys
from argosy.broker.store import Script, Store
from argosy.schemas.result import Full

COUNTS_SECONDS: Final = 10.0

_TELL: Final = Script(__file__, "fullness")


class Fullness(BaseModel):
    """Runs under way, and their bounds."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    runs: int
    most_runs: int
    bytes: int
    most_bytes: int
    pipelines: dict[str, tuple[int, int]] = {}
    """Of the pipelines that have a bound of their own: how many are under way, and how many may be."""
    waiting: int = 0
    """Submits that wait for room in the receiver that says this."""
    retry_after_seconds: int = 1

    def full(self, pipeline: str) -> Full | None:
        """Say which bound keeps a run of this pipeline out; None: there is room."""
        under_way, most = self.pipelines.get(pipeline, (0, 1))
        if self.runs >= self.most_runs:
            return self._full("runs", self.runs, self.most_runs)
        if self.bytes >= self.most_bytes:
            return self._full("bytes", self.bytes, self.most_bytes)
        if under_way >= most:
            return self._full("pipeline", under_way, most, pipeline)
        return None

    def _full(self, bound: str, under_way: int, most: int, pipeline: str = "") -> Full:
        return Full.model_validate(
            {
                "bound": bound,
                "under_way": under_way,
                "most": most,
                "retry_after_seconds": self.retry_after_seconds,
                "pipeline": pipeline,
            }
        )


async def tell_fullness(store: Store, key_prefix: str, found: Fullness) -> None:
    """Tell it for some seconds. Raises Unreachable and Refused."""
    counts_ms = round(COUNTS_SECONDS * 1000)
    await store.run(_TELL, [FleetKeys(key_prefix).fullness], [found.model_dump_json(), counts_ms])


async def fullness(store: Store, key_prefix: str) -> Fullness | None:
    """Ask how full the fleet is; None: nobody says, or by a newer release's word. Raises Unreachable and Refused."""
    said = await store.get(FleetKeys(key_prefix).fullness)
    try:
        return None if said is None else Fullness.model_validate_json(said)
    except ValidationError:
        return None
