"""Two runs side by side: where they part, and what follows from it."""

import asyncio
from typing import TYPE_CHECKING, Final

from argosy.console.apart import apart
from argosy.console.blame import blame
from argosy.console.blame_story import story
from argosy.console.dashboard_blame_links import named
from argosy.console.dashboard_page import Asked, View
from argosy.console.dashboard_run_page import kept_of
from argosy.console.diff import HOW, OPEN, Diff, diff

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

MOST: Final = 500
_ABOUT: Final = 500


async def look_compare(desk: "Desk", asked: Asked) -> View:
    """Compare `left` and `right`; without both it asks for them."""
    left, right = asked.query.get("left", "").strip()[:128], asked.query.get("right", "").strip()[:128]
    if not left or not right:
        return View("Compare", (), {"left": left, "right": right, "found": None})
    one, two = await kept_of(desk, left), await kept_of(desk, right)
    # Both logs are folded once more: seconds, for runs of thousands of tasks.
    found = await asyncio.to_thread(diff, one.history.as_of_now(), two.history.as_of_now())
    return compare_view(found)


async def look_blame(desk: "Desk", asked: Asked) -> View:
    """Say which task made a text or a value of the run's outcome, or lost it; without one, whom to suspect."""
    run_id, about = asked.params["run_id"], asked.query.get("about", "")[:_ABOUT]
    kept = await kept_of(desk, run_id)
    history, payloads = kept.history.as_of_now(), desk.services.payloads
    # A question about all of an outcome looks through every value of the run.
    found = await apart(lambda: blame(history, payloads, about))
    state = kept.history.state
    known = {*kept.times.tasks, *(() if state is None else state.tasks())}
    facts = {"run_id": run_id, "about": about, "lines": tuple(story(found)), "named": named(found, known)}
    return View(f"Blame: {run_id}", (), facts)


def compare_view(found: Diff) -> View:
    """Make the page. Pure."""
    other = [each for each in found.tasks if each.how != "same"]
    facts = {
        "left": found.left,
        "right": found.right,
        "found": found,
        "first": found.first,
        "verdict": _verdict(found),
        "sides": (
            ("Pipeline", *found.pipelines),
            ("Outcome", *found.outcomes),
            (
                "Input",
                "the same" if found.same_input else "one",
                "the same" if found.same_input else "another",
            ),
            *((("Replay", found.replay, found.replay),) if found.replay else ()),
        ),
        "tasks": other[:MOST],
        "more": max(0, len(other) - MOST),
        "same": len(found.tasks) - len(other),
        "hows": HOW,
        "open": OPEN,
    }
    return View(f"{found.left} and {found.right}", (), facts)


def _verdict(found: Diff) -> str:
    if found.first is not None:
        return f"They part at {found.first.task}: {HOW[found.first.how]}"
    if "active" in found.outcomes:
        return "They have not parted so far: not both have ended"
    if found.same_outcome:
        return "They came to the same end"
    return "No task gave another output for the same input" + (
        "" if found.same_input else ": their inputs differ"
    )
