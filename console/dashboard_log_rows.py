"""Records of a run's log as rows of a page, each with the page of its task. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from argosy.console.dag import named_steps
from argosy.console.dashboard_page import Item
from argosy.console.run_history import History, Logged
from argosy.console.run_story import Happened, happened
from argosy.coordinator.step_plan import template_of


@dataclass(frozen=True, slots=True)
class LogFacts:
    """A record, and its task's page."""

    one: Happened
    href: str


def task_link(run_id: str, local: str) -> str:
    """Address the page of a task."""
    return f"/runs/{run_id}/tasks/{quote(local)}"


def step_link(run_id: str, step: str) -> str:
    """Address the page of a step; it may be named as in a shard."""
    return f"/runs/{run_id}/steps/{quote(step)}"


def log_items(history: History, records: Sequence[Logged]) -> Iterator[Item]:
    """Tell records of the log. A step that waits has no task, and its own page."""
    accepted = history.accepted
    waits = (
        {each.name for each in named_steps(accepted.pipeline) if each.step.WAITS} if accepted else set[str]()
    )
    for logged in records:
        one = happened(logged, history)
        has_task = not waits or template_of(one.task) not in waits
        link = (task_link if has_task else step_link)(history.run_id, one.task) if one.task else ""
        yield Item(str(one.offset), LogFacts(one, link))
