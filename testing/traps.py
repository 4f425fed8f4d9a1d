"""Where a worker can be told to die: five places on the way of a task, by agent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from argosy.schemas.errors import ConfigurationError

_TASK: Final = ":task:"
"""In the key of a task, and in no other: see `broker.keys`."""
At = Literal["before_claim", "in_handler", "after_effect", "after_store", "after_publish"]
"""Before it asks for the claim; when the handler begins; when a step (`ctx.step`, a tool call, a named `ask`) has made
its effect and the memo is not yet recorded; when the result is stored and not yet published; when it is published and
the offset not yet committed."""

__tracebackhide__ = True  # pytest shows the frames of who uses it


@dataclass(slots=True)
class Traps:
    """Traps that are set, and which agent each task is for."""

    agents: dict[str, str] = field(default_factory=dict[str, str])
    """By task id, as the dispatches say."""
    _set: dict[tuple[str, At, str], int] = field(default_factory=dict[tuple[str, At, str], int])

    def set(self, agent: str, at: At, times: int, step: str = "") -> None:
        """Let the next `times` workers that come to this place, with this step if one is named, die there."""
        if at not in get_args(At):
            raise ConfigurationError(
                f"there is no place {at!r} to crash at",
                why="a crash comes at one of five places on the way of a task",
                do=f"name one of {', '.join(get_args(At))}; without `at` it comes now",
            )
        if step and at != "after_effect":
            raise ConfigurationError(
                f"a crash at {at!r} of the step {step!r}",
                why="only where an effect was made is it known which step it is",
                do="say at='after_effect', or name no step",
            )
        self._set[agent, at, step] = self._set.get((agent, at, step), 0) + times

    @property
    def armed(self) -> bool:
        """Whether any trap was ever set."""
        return bool(self._set)

    @property
    def left(self) -> Mapping[tuple[str, At, str], int]:
        """The traps that nobody has come to yet."""
        return {trap: times for trap, times in self._set.items() if times}

    def springs(self, at: At, task_ids: Sequence[str], step: str = "") -> bool:
        """Say whether whoever comes to this place with these tasks dies; a trap is used up by that."""
        if not self._set:
            return False
        for task_id in task_ids:
            agent = self.agents.get(task_id, "")
            for named in (step, ""):
                if self._set.get((agent, at, named), 0) > 0:
                    self._set[agent, at, named] -= 1
                    return True
        return False


def never_happened(left: Mapping[tuple[str, At, str], int]) -> ConfigurationError | None:
    """Say which crashes were ordered and nobody came to; None if all happened."""
    if not left:
        return None
    told = "; ".join(
        f"{agent} at {at!r}{f' of the step {step!r}' if step else ''}"
        + (f", {times} times" if times > 1 else "")
        for (agent, at, step), times in left.items()
    )
    return ConfigurationError(
        f"a crash that was ordered never happened: {told}",
        why="no worker came there before the fleet's end, so that this test shows nothing of it",
        do="look at the name of the step, at `times`, and whether a run was submitted after fleet.crash and waited for",
    )


def tasks_of(keys: Sequence[str]) -> list[str]:
    """Return the tasks whose keys these are among."""
    return [key.split(_TASK, 1)[1] for key in keys if _TASK in key]
