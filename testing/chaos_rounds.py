"""Runs of the chaos app that go round a loop, until it is done or for as often as they may; and parents of such."""

from collections.abc import Mapping
from typing import Final

from pydantic import BaseModel, JsonValue

from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.pipelines.pipeline import Pipeline
from argosy.testing.chaos_work import work

MOST: Final = 5
"""Iterations."""
GOALS: Final = (1, 3, MOST, MOST + 2)
"""Iterations after which it would be done."""
_FLAKY: Final = 1
_VALUE_LETTERS: Final = 12


class Text(BaseModel):
    """What goes round."""

    goal: int
    done: bool = False
    values: list[str] = []
    value: str = ""


@agent(concurrency=16, retries=3, backoff_seconds=0.2)
async def rewrites(ctx: Context, text: Text) -> Text:
    """Go round once more; one of the iterations fails once."""
    value = (await work(ctx))[-_VALUE_LETTERS:]
    if len(text.values) == _FLAKY and ctx.attempt == 1:
        message = "this iteration fails once"
        raise ValueError(message)
    values = [*text.values, value]
    return Text(goal=text.goal, done=len(values) == text.goal, values=values, value=value)


rounds = Pipeline("rounds", takes=Text, gives=Text)
rounds.returns(
    rounds.loop(rewrites, rounds.input, until=lambda text: text.done, max_iterations=MOST, exhausted="last")
)


teams = Pipeline("teams", takes=list[Text], gives=list[Text])
teams.returns(teams.map(rounds, over=teams.input, name="each"))


def wrong_teams(run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with the results of children: each that of its own tasks, in their order. Empty: nothing."""
    goals, texts = given if isinstance(given, list) else [], whole if isinstance(whole, list) else []
    if len(goals) != len(texts):
        return f"it has {len(texts)} results of {len(goals)} children"
    for index, (goal, text) in enumerate(zip(goals, texts, strict=True)):
        child = f"each.{index}/"
        own = {name.removeprefix(child): value for name, value in took.items() if name.startswith(child)}
        said = wrong_rounds(run_id, goal, text, own)
        if said:
            return f"child {index}: {said}"
    return ""


def wrong_rounds(_run_id: str, given: JsonValue, whole: JsonValue, took: Mapping[str, str]) -> str:
    """Say what is wrong with a result: each iteration in it once, in order, as it took effect. Empty: nothing."""
    goal = given.get("goal") if isinstance(given, dict) else None
    times = min(goal, MOST) if isinstance(goal, int) else 0
    values: list[JsonValue] = [took.get(f"rewrites~{number}") for number in range(1, times + 1)]
    right: dict[str, JsonValue] = {
        "goal": goal,
        "done": goal == times,
        "values": values,
        "value": values[-1] if values else None,
    }
    return "" if whole == right else f"it says {whole}, should say {right}"
