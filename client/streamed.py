"""Streamed text as one reads it: pieces of attempts that were given up are left out, and a new beginning is told."""

from dataclasses import dataclass, field

from argosy.schemas.watch import TextStreamed, WatchMessage


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of what a task streams."""

    task_id: str
    text: str
    attempt: int
    restarted: bool = False
    """What came of this task before is void: another attempt, or another worker, began anew."""
    missed: int = 0
    """Pieces that were lost before this one: streams are lossy, the task's result is not."""


@dataclass(slots=True)
class _Text:
    whose: tuple[int, int, int]
    next: int = 0
    pieces: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Streams:
    """Puts the streams of a run's tasks together: feed it every event. It keeps the text of each task's newest one."""

    _texts: dict[str, _Text] = field(default_factory=dict[str, _Text])

    def take(self, message: WatchMessage) -> Piece | None:
        """Give what is new; None for other events, repeated pieces, and those of a stream that was given up."""
        if not isinstance(message, TextStreamed):
            return None
        whose = (message.attempt, message.claimed_ms, message.restarts)
        known = self._texts.get(message.task_id)
        if known is not None and (
            whose < known.whose or (whose == known.whose and message.ordinal < known.next)
        ):
            return None
        restarted = known is not None and whose > known.whose
        if known is None or restarted:
            known = self._texts[message.task_id] = _Text(whose)
        missed, known.next = message.ordinal - known.next, message.ordinal + 1
        known.pieces.append(message.text)
        return Piece(message.task_id, message.text, message.attempt, restarted, missed)

    def text(self, task_id: str) -> str:
        """Give the text of a task's newest stream, as far as it came; empty if it has none."""
        known = self._texts.get(task_id)
        if known is None:
            return ""
        known.pieces = ["".join(known.pieces)]
        return known.pieces[0]
