"""Tasks whose result was given with the run, by a replay of an earlier one: they end when they come to be ordered.

Nothing is sent for them and nothing is used. To all else it is the end of a task: joins, maps, conditions and pages go
on by it as they did. Rules 2 and later.
"""

from typing import Final

from argosy.coordinator import settled
from argosy.coordinator.given import take_given
from argosy.coordinator.turn import Turn

REUSED: Final = "reused"


def end_given(turn: Turn) -> None:
    """End what was ordered and is given, and what follows from that, until nothing more does; last thing of a turn."""
    while turn.given and turn.state.st == "active":
        place = turn.given.popleft()
        task = turn.state.task(place.local)
        if task is None or task.letter != "r":
            continue  # its run, step or map did without it by then
        result = take_given(turn.state, place.local)
        seen = 1 << task.attempt  # whatever says that it is of this attempt has used up nothing here
        ended = task.become("k" if result.fault is None else "f")._replace(seen=seen)
        turn.state.put_task(place.local, ended)
        turn.state.put_result(place.local, result)
        turn.changed(ended.letter, place, task.attempt, REUSED)
        settled.task_ended(turn, place, result)
