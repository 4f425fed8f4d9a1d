"""Does the oracle of the kill matrix see what becomes of runs that ask for a larger budget?"""

from dataclasses import replace

from argosy.schemas.fault import Fault
from argosy.schemas.inbox import BudgetAnswered
from argosy.schemas.payload import Inline
from argosy.schemas.runlog import BudgetReceived, RunEnded, StepRecorded, TaskSettled, TimerFired
from argosy.schemas.task import TaskDispatched, TaskInput
from support.crash_app import asking
from support.crash_history import committed_too_far, runs_in
from support.crash_judge import answer_id, budgeted, judge
from support.crash_loads import ASKING, DENIED, LITTLE_TOKENS, Answer, Expected
from support.crash_plain import Plain
from unit.support.test_crash_judge import ACCEPTED, LEFT, RUN, inline, line, order, settled

THINK = inline(step="thinker", value="t", given=["l"])
LAST = inline(step="thinker", value="z", given=["t"])
MORE = BudgetReceived(answer_id=answer_id(RUN), tokens=5_000)
NO = BudgetReceived(answer_id=answer_id(RUN), refused=True, reason=DENIED)


def asked(answer: Answer) -> Expected:
    if answer in ("raise", "early"):
        return Expected(ASKING, attempts={"think": 2}, budget=LITTLE_TOKENS, answer=answer)
    return Expected(ASKING, ("failed",), "budget_spent", budget=LITTLE_TOKENS, answer=answer)


def thinking(step: str, given: Inline, attempt: int = 1) -> TaskDispatched:
    return order(step, TaskInput(name="made", source=given), attempt=attempt)


def spent(message: str = "spent") -> Fault:
    figures = {"limit_tokens": LITTLE_TOKENS, "asked_tokens": 140}
    return Fault(code="budget_spent", message=message, figures=figures, task_id=f"{RUN}/think")


def begun(*, refused_at: int = 3) -> list[Plain]:
    """Make the beginning of a run whose first call of a model is refused."""
    memo = StepRecorded(task_id=f"{RUN}/left", attempt=1, name="effect", value={"value": "m"})
    failed = TaskSettled(task_id=f"{RUN}/think", attempt=1, outcome="failed", fault=spent(), worker="w")
    return [
        line("runs", 0, ACCEPTED.model_copy(update={"pipeline": asking.compile()})),
        line("runs", 1, memo, 0),
        line("runs", 2, settled("left", LEFT), 0),
        line("runs", refused_at, failed, 2),
        line("tasks.branch", 0, order("left"), 0),
        line("tasks.thinker", 0, thinking("think", LEFT), 2),
    ]


def raised(*more: Plain, ordered_by: int, answer: BudgetReceived = MORE, late: bool = False) -> list[Plain]:
    """Make the log of one that is told more: after its refusal, or before (`late`)."""
    end = RunEnded(outcome="succeeded", data_hash="h", result=LAST)
    thought = settled("think", THINK).model_copy(update={"attempt": 2})
    return [
        *begun(refused_at=5 if late else 3),
        line("runs", 4, answer),
        line("tasks.thinker", 1, thinking("think", LEFT, attempt=2), ordered_by),
        line("runs", 6, thought, ordered_by),
        line("tasks.thinker", 2, thinking("last", THINK), 6),
        line("runs", 7, settled("last", LAST), 6),
        line("runs", 8, end, 7),
        line("results", 0, end),
        *more,
    ]


def test_a_run_that_is_told_more_goes_on_by_the_answer_or_by_a_refusal_after_it() -> None:
    def said(told: list[Plain]) -> str:
        return "\n".join(judge(runs_in(told)[RUN], asked("raise")))

    assert said(raised(ordered_by=4)) == ""
    assert said(raised(line("runs", 5, MORE), ordered_by=4)) == ""
    assert said(raised(ordered_by=5, late=True)) == ""
    assert "was ordered by 3" in said(raised(ordered_by=3))
    assert "was ordered by 5" in said(raised(line("runs", 5, MORE), ordered_by=5))
    assert "was told raise" in said(
        raised(ordered_by=4, answer=MORE.model_copy(update={"answer_id": "other"}))
    )
    third = line("tasks.thinker", 3, thinking("think", LEFT, attempt=3), 4)
    assert "a crash used one up" in said(raised(third, ordered_by=4))


def no(message: str, *more: Plain) -> list[Plain]:
    """Make the log of one that fails of its budget."""
    end = RunEnded(outcome="failed", data_hash="h", fault=spent(message))
    return [*begun(), line("runs", 9, end, 4), line("results", 0, end), *more]


def test_a_run_that_is_told_no_fails_of_its_budget_with_the_answer_and_its_call_is_never_made() -> None:
    def said(told: list[Plain], answer: Answer = "deny") -> str:
        return "\n".join(judge(runs_in(told)[RUN], asked(answer)))

    answer, timer = line("runs", 4, NO), line("runs", 4, TimerFired(name="budget", armed=3))
    assert said(no(f"spent; {DENIED}", answer)) == ""
    assert said(no("spent; nobody raised it", timer), "silence") == ""
    assert "and the log has []" in said(no(f"spent; {DENIED}"))
    assert "no timer" in said(no("spent; nobody raised it"), "silence")
    assert "not with budget_spent" in said(no("spent", answer))
    after = line("tasks.thinker", 1, thinking("last", THINK), 4)
    assert "was ordered, though think had failed" in said(no(f"spent; {DENIED}", answer, after))
    made = line("runs", 5, settled("think", THINK), 2)
    assert "got what the budget doesn't hold" in said(no(f"spent; {DENIED}", answer, made))


def test_a_run_that_takes_more_than_it_may_is_seen() -> None:
    def said(
        expected: Expected, told: list[Plain], tokens: int, spent_tokens: int, *, lost: bool = False
    ) -> str:
        run = runs_in(told)[RUN]
        run.ended[0].data["usage"] = {"input_tokens": tokens, "output_tokens": 0}
        return "\n".join(budgeted(run, expected, spent_tokens, lost=lost))

    more, nothing = raised(ordered_by=4), no("spent")
    assert said(asked("raise"), more, 200, 220) == ""
    assert "may take 5000" in said(asked("raise"), more, 5_001, 5_001)
    assert "its ledger of 100" in said(asked("raise"), more, 200, 100)
    assert said(asked("raise"), more, 200, 100, lost=True) == ""
    assert said(asked("deny"), nothing, 0, 0) == ""
    assert "may take 60" in said(asked("deny"), nothing, 30, 30)


def test_an_answer_that_nobody_received_is_seen() -> None:
    sent = replace(line("inbox", 0, BudgetAnswered(tokens=5_000)), id=answer_id(RUN))
    committed = {"g": {("t.inbox", 0): 1}}
    assert "nobody received the answer" in committed_too_far([sent], committed)[0]
    assert committed_too_far([sent, line("runs", 4, MORE)], committed) == []
