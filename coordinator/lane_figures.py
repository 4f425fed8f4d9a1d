"""What a coordinator tells of its lanes as metrics: how many are live, how full their dispatch windows, who asks."""

from collections import Counter
from collections.abc import Collection
from typing import Final, get_args

from argosy.coordinator.lane import Lane
from argosy.telemetry import metrics

_STATES: Final[tuple[metrics.LaneState, ...]] = get_args(metrics.LaneState)


class Figures:
    """Of all lanes of one coordinator. What was told once is told as none when it is gone."""

    def __init__(self) -> None:
        """Nothing has been told yet."""
        self._agents: dict[str, None] = {}
        self._asking: dict[str, None] = {}

    def tell(self, lanes: Collection[Lane]) -> None:
        """Set the gauges."""
        words, out = Counter(lane.word for lane in lanes), Counter[str]()
        most, asking = Counter[str](), Counter[str]()
        for lane in lanes:
            out.update(lane.out)
            most.update(lane.windows)
            asking.update(lane.asking)
        for state in _STATES:
            metrics.lanes_are(state, words[state])
        self._agents |= dict.fromkeys(out)
        for agent in self._agents:
            metrics.dispatched(agent, out[agent], most[agent])
        self._asking |= dict.fromkeys(asking)
        for pipeline in self._asking:
            metrics.runs_asking(pipeline, asking[pipeline])
