"""`argosy diff RUN RUN`: where two runs part."""

import asyncio
from collections.abc import Iterator
from typing import Annotated

import typer

from argosy.console.config import load_settings
from argosy.console.diff import HOW, Diff, Ran, TaskDiff
from argosy.console.diff import diff as compare
from argosy.console.diff_items import items_of
from argosy.console.numbers import counted
from argosy.console.output import printable, show_folded
from argosy.console.process_life import open_services
from argosy.console.run_history import history, must_be_known
from argosy.schemas.settings import Settings

_SHOWN = 30


def diff(
    left: Annotated[str, typer.Argument(metavar="RUN", help="A run's id.")],
    right: Annotated[str, typer.Argument(metavar="RUN", help="Another one's.")],
    *,
    all_: Annotated[bool, typer.Option("--all", help="Tasks that are the same too.")] = False,
) -> None:
    """Find the first task whose output differs with the same input, and what follows from it.

    By the hashes of what tasks were given and gave. Exit code 0 whether they differ or not.
    """
    found = asyncio.run(_compared(load_settings(), left, right))
    show_folded(found, printable("\n".join(told(found, everything=all_))))


async def _compared(settings: Settings, left: str, right: str) -> Diff:
    async with open_services(settings, "console") as services:
        one = await history(services.cluster, settings, left)
        must_be_known(one)
        two = await history(services.cluster, settings, right)
        must_be_known(two)
        return compare(one, two, await items_of(one, two, payloads=services.payloads))


def told(found: Diff, *, everything: bool = False) -> Iterator[str]:
    """Tell it, the answer first."""
    yield _head(found)
    if found.first is not None:
        yield from _task(found.first)
    runs = zip((found.left, found.right), found.pipelines, found.outcomes, strict=True)
    yield "; ".join(f"{run_id}: {pipeline}, {outcome}" for run_id, pipeline, outcome in runs)
    if found.replay:
        yield f"{found.replay} is a replay of the other"
    yield "the same input" if found.same_input else "their inputs differ"
    for step in found.steps:
        what = {
            "changed": "is another",
            "only_left": f"is only in {found.left}",
            "only_right": f"is only in {found.right}",
        }
        yield f"step {step.step} {what[step.how]}" + (f": {', '.join(step.terms)}" if step.terms else "")
    listed = [each for each in found.tasks if everything or each.how != "same"]
    for each in listed[:_SHOWN] if not everything else listed:
        because = f", because of {', '.join(each.because)}" if each.because else ""
        yield f"  {each.task}: {HOW[each.how]}{because}"
    if len(listed) > _SHOWN and not everything:
        yield f"  … {len(listed) - _SHOWN} more: --all"
    same = sum(each.how == "same" for each in found.tasks)
    if same and not everything:
        yield f"{counted(same, 'task')} the same in both"


def _head(found: Diff) -> str:
    if found.first is not None:
        return f"{found.first.task} is the first whose output differs with the same input"
    if "active" in found.outcomes:
        return "no task's output differs so far with the same input: not both runs have ended"
    if any(each.how != "same" for each in found.tasks) or not found.same_input:
        return "no task's output differs with the same input: what differs follows from what they were given"
    return "no task differs" if found.same_outcome else "no task differs, but their outcomes do"


def _task(first: TaskDiff) -> Iterator[str]:
    if first.work:
        yield f"  who did it is another: {', '.join(first.work)}"
    for side, ran in (("first", first.left), ("second", first.right)):
        if ran is not None:
            yield f"  {side}: {_ran(ran)}"


def _ran(ran: Ran) -> str:
    sha = "no output" if ran.sha256 is None else f"sha256 {ran.sha256[:12]}…, {counted(ran.tokens, 'token')}"
    model = f", {ran.model}" if ran.model else ""
    if ran.outcome == "active":
        return f"agent {ran.agent} version {ran.version}{model}, not done yet"
    how = "taken over" if ran.reused else f"{ran.outcome} at attempt {ran.attempts}"
    return f"agent {ran.agent} version {ran.version}{model}, {how}, {sha}"
