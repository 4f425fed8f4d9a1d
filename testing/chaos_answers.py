"""Answers what a run of the chaos app waits for: signals and approvals, or more of a budget."""

from typing import Final

from pydantic import JsonValue

from argosy.client.run import Run
from argosy.testing.chaos_purses import Purse, pays, purses
from argosy.testing.chaos_waits import Question, answers, gates

ANSWERED: Final = (gates.name, purses.name)
"""Pipelines whose runs wait to be answered."""


async def answer(run: Run[JsonValue], pipeline: str, given: JsonValue, *, early: bool) -> None:
    """Answer a run, once it is accepted (`early`) or once it waits. Safe to repeat from the beginning.

    Raises as the handle does.
    """
    if pipeline == purses.name:
        await pays(run, Purse.model_validate(given), early=early)
    else:
        await answers(run, Question.model_validate(given).number, early=early)
