"""The workers of a chaos run, and the agents of each."""

from collections.abc import Sequence
from typing import Final

OWN_AGENTS: Final = (
    "draft",
    "check",
    "merge",
    "reader",
    "binder",
    "shortener",
    "asker",
    "asks",
    "closes",
    "rewrites",
    "planner",
    "digger",
    "heaper",
    "tells",
    "buyer",
    "trader",
    "saver",
    "counts",
    "payer",
    "tallies",
    "ticks",
)
"""Those that the load needs."""


def crew_of(agents: Sequence[str], many: int) -> dict[str, str]:
    """Name the workers, and the agents of each: so many processes for each agent."""
    return {f"{agent}-{number}": agent for agent in agents for number in range(1, many + 1)}


def own_crew(many: int) -> dict[str, str]:
    """Name the workers of our own app: the tasks that kill run beside others, which must not suffer."""
    drafts = 2 * many + (many > 1)
    crew = {f"draft-{number}": "draft" for number in range(1, drafts + 1)}
    crew |= {"draft-1": "draft,deadly,blocking", "draft-2": "draft,deadly,blocking"}
    for number in range(1, many + 1):
        crew |= {f"merge-{number}": "check,merge", f"others-{number}": ",".join(OWN_AGENTS[3:])}
    return crew
