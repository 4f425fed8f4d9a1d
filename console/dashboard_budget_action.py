"""What may be said to a run whose budget is spent: more, or no. Each may be sent twice."""

from typing import TYPE_CHECKING, Final

from argosy.client.budgets import RunBudget
from argosy.console.budget_command import known
from argosy.console.connection import Argosy
from argosy.console.dashboard_page import Action, Done, Field, Form, Question
from argosy.console.numbers import counted
from argosy.schemas.errors import BadArgument
from argosy.schemas.ids import is_run_id

if TYPE_CHECKING:
    from argosy.console.dashboard_desk import Desk

_MOST_DIGITS: Final = 18
_KINDS: Final = (("tokens", "tokens"), ("micros", "millionths of money"))


def _asked(form: Form) -> tuple[bool, str]:
    """Read `yes|no RUN`. Raises BadArgument."""
    match form.get("asked", "").split(" "):
        case ["yes" | "no" as verdict, run_id] if is_run_id(run_id):
            return verdict == "yes", run_id
        case _:
            raise BadArgument(
                "no budget is named", why="the form is not whole", do="begin on the page of approvals"
            )


async def ask_budget(desk: "Desk", form: Form) -> Question:
    """Tell what was spent and who waits, and ask how much more."""
    yes, run_id = _asked(form)
    now = await known(desk.services, run_id)
    facts = [("Run", run_id), ("Taken", now.said), ("Waiting", counted(now.asking.waiting, "task"))]
    facts += [("Asked for", now.asking.said)] if now.asking.said else []
    more = [
        Field(name, f"Raise to, in {what}, what it took included", str(2 * most))
        for name, what, most in _of(now)
    ]
    reason, by = Field("reason", "Reason (kept with the run)"), Field("by", "Who answers", most=128)
    if yes:
        return Question(f"Raise the budget of run {run_id}?", "Raise it", tuple(facts), (*more, reason, by))
    said = ("Then", "the tasks that wait fail, and so does what its budget refuses from now on")
    return Question(
        f"Refuse run {run_id} a larger budget?", "Refuse", (*facts, said), (reason, by), danger=True
    )


async def do_budget(desk: "Desk", form: Form) -> Done:
    """Send the answer. Raises BadArgument for what is no larger budget, NotFound if there is none to raise."""
    yes, run_id = _asked(form)
    now = await known(desk.services, run_id)
    reason, by, page = form.get("reason", ""), form.get("by", ""), f"/runs/{run_id}"
    async with Argosy.connect(desk.settings) as fleet:
        if not yes:
            await fleet.run(run_id).deny_budget(reason=reason, by=by)
            return Done(f"No larger budget for {run_id}; its tasks fail once its lane has read it", page)
        more = {name: _number(form.get(name, ""), most) for name, _, most in _of(now)}
        if all(more[name] == most for name, _, most in _of(now)):
            raise BadArgument(
                "that is the budget it has: nothing was sent", why="it is only ever raised", do="give more"
            )
        await fleet.run(run_id).raise_budget(
            more.get("tokens"), micros=more.get("micros"), reason=reason, by=by
        )
    return Done(f"The budget of {run_id} is raised once its lane has read it", page)


def _of(now: RunBudget) -> list[tuple[str, str, int]]:
    limits = zip(_KINDS, (now.tokens, now.micros), strict=True)
    return [(name, what, most) for (name, what), most in limits if most is not None]


def _number(text: str, most: int) -> int:
    if not text.strip().isdecimal() or len(text) > _MOST_DIGITS or int(text) < most:
        raise BadArgument(
            f"{text[:40]!r} is no larger budget: nothing was sent",
            why=f"it is {most} now, and is only ever raised",
            do="give a whole number above that",
        )
    return int(text)


BUDGET_ACTION: Final = Action("budget", ask_budget, do_budget)
