"""A pipeline's DAG, drawn: boxes in boxes, lines between them, and how far a run is in each. Pure.

A map or a loop is one box, however many tasks it has, with counts; the pipeline that a step runs stands inside of it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from argosy.console.dag import in_words, inside, runs_of
from argosy.console.dashboard_layers import Arranged, Point, arrange
from argosy.console.dashboard_progress import NOTHING, Progress
from argosy.schemas.pipeline import CompiledPipeline, LoopStep, MapStep, PlanStep, Step

if TYPE_CHECKING:
    from argosy.schemas.edges import After, InputEdge

WIDTH: Final = 188
HEIGHT: Final = 62
HEAD: Final = 50
"""What stands above the pipeline in a box: its step's own lines."""
PAD: Final = 14
MARGIN: Final = 8
_TITLE: Final = 20
_TEXT: Final = 28
"""Characters that fit into a line of a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A step. `lines` are cut to fit; `whole` says all of it. Places in pixels, from the drawing's corner."""

    name: str
    title: str
    lines: tuple[str, ...]
    whole: str
    progress: Progress
    x: int
    y: int
    width: int
    height: int
    stacked: bool
    """Many tasks behind one box."""
    outer: bool
    """There are boxes in it."""
    one: bool = False
    """It is one task, which has been ordered."""


@dataclass(frozen=True, slots=True)
class Line:
    """From one box to another, as an SVG path. `hole`: the second one goes on if the first does not succeed."""

    source: str
    target: str
    path: str
    hole: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """All boxes, outer ones first, and all lines."""

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    says: str
    """For those who can't see it."""


@dataclass(frozen=True, slots=True)
class _Part:
    """The drawing of one pipeline, from its own corner."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(pipeline: CompiledPipeline, progress: Mapping[str, Progress] | None = None) -> Drawing:
    """Draw a pipeline; with `progress`, by the step's name in the run (`c`, `c.*/x`), as a run has it."""
    part = _shifted(_draw(pipeline, "", progress or {}), (MARGIN, MARGIN))
    name = f"{pipeline.name}@{pipeline.version}"
    return Drawing(
        name=name,
        width=part.width + 2 * MARGIN,
        height=part.height + 2 * MARGIN,
        boxes=part.boxes,
        lines=part.lines,
        says=f"{name}: {len(part.boxes)} steps. " + "; ".join(told(pipeline)),
    )


def told(pipeline: CompiledPipeline, owner: str = "") -> Iterator[str]:
    """Say each step and what it waits for, in plan order."""
    for step in pipeline.steps:
        after = f" after {', '.join(step.parents())}" if step.parents() else " at the beginning"
        yield f"{owner}{step.name}{after}: {in_words(step)}"
        if step.pipeline is not None:
            yield from told(step.pipeline, f"{inside(step, owner + step.name)}/")


def _draw(pipeline: CompiledPipeline, owner: str, progress: Mapping[str, Progress]) -> _Part:
    within = {
        step.name: _draw(step.pipeline, f"{inside(step, owner + step.name)}/", progress)
        for step in pipeline.steps
        if step.pipeline is not None
    }
    sizes = {step.name: _size(within.get(step.name)) for step in pipeline.steps}
    parents = {step.name: step.parents() for step in pipeline.steps}
    arranged = arrange(sizes, parents)
    boxes: list[Box] = []
    lines = [_line(pipeline.step(target), owner, source, arranged) for source, target in arranged.lines]
    for step in pipeline.steps:
        name, at = f"{owner}{step.name}", arranged.boxes[step.name]
        boxes.append(_box(step, name, at, sizes[step.name], progress.get(name, NOTHING)))
        if (part := within.get(step.name)) is not None:
            moved = _shifted(part, (at[0] + PAD, at[1] + HEAD))
            boxes.extend(moved.boxes)
            lines.extend(moved.lines)
    return _Part(arranged.width, arranged.height, tuple(boxes), tuple(lines))


def _size(part: _Part | None) -> tuple[int, int]:
    if part is None:
        return WIDTH, HEIGHT
    return max(WIDTH, part.width + 2 * PAD), HEAD + part.height + PAD


def _box(step: Step, name: str, at: Point, size: tuple[int, int], progress: Progress) -> Box:
    chars = _TEXT * size[0] // WIDTH
    said = progress.said or _kind(step)
    return Box(
        name=name,
        title=fit(step.name, _TITLE * size[0] // WIDTH),
        lines=(fit(runs_of(step), chars), fit(said, chars)),
        whole=f"{name}: {in_words(step)}"
        + (f". {progress.state.word}, {progress.said}" if progress.state else ""),
        progress=progress,
        x=at[0],
        y=at[1],
        width=size[0],
        height=size[1],
        stacked=isinstance(step, MapStep | LoopStep | PlanStep),
        outer=step.pipeline is not None,
        one=is_one(step, name, progress),
    )


def is_one(step: Step, name: str, progress: Progress) -> bool:
    """Say whether a step is one task of a run, which has been ordered."""
    many = isinstance(step, MapStep | LoopStep | PlanStep) or "*" in name or step.agent is None
    return not many and progress.state is not None and progress.state.word not in ("waiting", "skipped")


def _kind(step: Step) -> str:
    """Say in a few words what is special of a step."""
    if isinstance(step, MapStep):
        return f"for each, {step.max_parallel} at once"
    if isinstance(step, LoopStep):
        return f"up to {step.max_iterations} times"
    if isinstance(step, PlanStep):
        return f"plans up to {step.max_tasks} tasks"
    if step.join is not None:
        return f"join: {step.join.policy.replace('_', ' ')}"
    if step.when or step.unless:
        return "only if " + ", ".join(pick.source for pick in (*step.when, *step.unless))
    return ""


def _line(step: Step, owner: str, source: str, arranged: Arranged) -> Line:
    read: list[InputEdge | After] = [*step.edges, *step.after]
    holes = [edge.hole for edge in read if edge.source == source]
    points = arranged.lines[source, step.name]
    return Line(f"{owner}{source}", f"{owner}{step.name}", _path(points), hole=bool(holes) and all(holes))


def _path(points: tuple[Point, ...]) -> str:
    """Lead a smooth line through all points, level at each."""
    x, y = points[0]
    parts = [f"M{x} {y}"]
    for to_x, to_y in points[1:]:
        bend = (to_x - x) // 2
        parts.append(f"C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}")
        x, y = to_x, to_y
    return "".join(parts)


def _shifted(part: _Part, by: Point) -> _Part:
    boxes = tuple(replace(box, x=box.x + by[0], y=box.y + by[1]) for box in part.boxes)
    lines = tuple(replace(line, path=_moved(line.path, by)) for line in part.lines)
    return _Part(part.width, part.height, boxes, lines)


def _moved(path: str, by: Point) -> str:
    made: list[str] = []
    for piece in path.replace("C", " C").split(" C"):
        numbers = [int(number) for number in piece.lstrip("M").split()]
        text = " ".join(str(number + by[place % 2]) for place, number in enumerate(numbers))
        made.append(f"M{text}" if not made else f"C{text}")
    return "".join(made)


def fit(text: str, characters: int) -> str:
    """Cut a text to so many characters, with a mark that it was."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"
