"""What is true of the runs by now: the log, folded up to the furthest commit that any lane's state ever had."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import takewhile

from argosy.broker.keys import LaneKeys
from argosy.broker.log import Partition
from argosy.broker.script import Arg, Script
from argosy.coordinator.fold import fold
from argosy.coordinator.kept import TERMINAL
from argosy.coordinator.state import RunState
from argosy.schemas.ids import lane_of
from argosy.testing.world import World

_FIELDS_AT = 3
"""Where commit.lua is told how many words of the checkpoint follow."""


class Truth:
    """Folds on as commits are applied; a rollback or a wipe takes nothing back."""

    def __init__(self, world: World) -> None:
        """Nothing is committed yet."""
        self._world = world
        self._high: dict[int, int] = {}
        self._at: dict[int, int] = {}
        self._states: dict[str, RunState | None] = {}
        self._aside: set[str] = set()
        prefix, lanes = world.settings.redis.key_prefix, range(world.settings.fleet.lanes)
        self._lanes = {LaneKeys(prefix, lane).checkpoint: lane for lane in lanes}

    def committed(self, script: Script, keys: Sequence[str], args: Sequence[Arg]) -> None:
        """Hear of a commit that was applied."""
        if script.name != "commit":
            return
        count = int(args[_FIELDS_AT])
        words = args[_FIELDS_AT + 1 : _FIELDS_AT + 1 + count]
        fields = {str(name): value for name, value in zip(words[::2], words[1::2], strict=True)}
        lane = self._lanes[keys[0]]
        self._high[lane] = max(self._high.get(lane, 0), int(fields.get("next", 0)))

    def lost(self, lane: int) -> None:
        """Hear that the lane's log has lost its tail: what is true is what is left of it."""
        end = self._world.broker.log(Partition(self._world.names.runs, lane)).end
        self._high[lane], self._at[lane] = min(end, self._high.get(lane, 0)), 0
        lanes = self._world.settings.fleet.lanes
        for run_id in [run_id for run_id in self._states if lane_of(run_id, lanes) == lane]:
            del self._states[run_id]

    def is_over(self, task_id: str, attempt: int) -> bool:
        """Say whether a commit has made the task terminal, its run ended, or another attempt current."""
        run_id, _, local = task_id.partition("/")
        state = self._state(run_id)
        if state is None:
            return False
        if state.st != "active":
            return True
        task = state.task(local)
        return task is not None and (task.letter in TERMINAL or task.attempt != attempt)

    def _state(self, run_id: str) -> RunState | None:
        lane = lane_of(run_id, self._world.settings.fleet.lanes)
        at, high = self._at.get(lane, 0), self._high.get(lane, 0)
        if at < high:
            records = self._world.records(Partition(self._world.names.runs, lane))
            first = bisect_left(records, at, key=lambda record: record.offset)
            for record in takewhile(lambda record: record.offset < high, records[first:]):
                event = self._world.event(record)
                if event.run_id in self._aside:
                    continue
                try:
                    self._states[event.run_id], _ = fold(self._states.get(event.run_id), event)
                except Exception:  # noqa: BLE001 - as a lane does: such a run is set aside
                    self._aside.add(event.run_id)
                    self._states.pop(event.run_id, None)
            self._at[lane] = high
        return self._states.get(run_id)
