"""Steps that wait, as an author declares them and as JSON says them; what can't be is said in three lines."""

# Mistakes are what a strict checker would refuse.
# pyright: basic

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from argosy import App, Approval, BuildError, Context, Pipeline, Schedule, agent
from argosy.pipelines.discover import scan
from argosy.schemas.pipeline import CompiledPipeline, SignalStep
from support.fold_pipelines import approval, pipeline, signal, sleep, task


class Word(BaseModel):
    """What a signal brings."""

    number: int


@agent
async def take(ctx: Context, word: Word, answer: Approval) -> str:
    """Take both."""
    return f"{ctx.run_id} {word} {answer}"


def draft() -> Any:  # noqa: ANN401 - most uses here are what a type checker would refuse
    return Pipeline("p", takes=str, gives=str)


def test_signals_approvals_and_sleeps_become_data() -> None:
    p = draft()
    word = p.signal("word", Word, within_seconds=60, on_timeout="hole")
    ok = p.approval("Good?", about=p.input, name="ok", within_seconds=5, by=["ann"])
    nap = p.sleep(3, name="nap", after=[word], when=ok.pick(lambda a: a.approved))
    p.returns(p.step(take, word, ok, after=[nap]))
    compiled = p.compile()
    steps = [step.model_dump(mode="json") for step in compiled.steps[:3]]
    assert steps == [
        {
            "name": "word",
            "kind": "signal",
            "takes": {"$ref": "#/schemas/Word"},
            "within_seconds": 60,
            "on_timeout": "hole",
        },
        {
            "name": "ok",
            "kind": "approval",
            "inputs": [{"name": "about", "from": "input"}],
            "question": "Good?",
            "by": ["ann"],
            "within_seconds": 5,
            "on_timeout": "fail",
        },
        {
            "name": "nap",
            "kind": "sleep",
            "after": [{"from": "word"}],
            "when": [{"from": "ok", "select": "approved"}],
            "seconds": 3,
        },
    ]
    assert compiled.rules() == 2
    assert set(compiled.schemas) == {"Word", "Approval"}
    assert CompiledPipeline.model_validate(compiled.dump()) == compiled
    assert list(p.agents()) == ["take"]


def test_a_pipeline_without_new_kinds_needs_rules_1() -> None:
    assert pipeline(task("a", "input")).rules() == 1


def test_a_pipeline_inside_that_waits_needs_rules_2() -> None:
    child = {"name": "c", "kind": "task", "pipeline": pipeline(signal("ok")).dump()}
    assert pipeline(child | {"inputs": [{"name": "input", "from": "input"}]}).rules() == 2


def _reads_a_sleep() -> None:
    p = draft()
    nap = p.sleep(3, name="nap")
    p.returns(p.step(take, nap, p.approval("Good?", about=p.input, name="ok", within_seconds=5)))


def _about_a_hole() -> None:
    p = draft()
    word = p.signal("word", Word, within_seconds=5)
    p.returns(p.step(take, word, p.approval("Good?", about=word.or_hole(), name="ok", within_seconds=5)))
    p.compile()


def wrong() -> Any:  # noqa: ANN401 - what a type checker would refuse
    return draft()


def _by(who: Any) -> object:  # noqa: ANN401 - what a type checker would refuse
    p = draft()
    return p.approval("Good?", about=p.input, name="ok", within_seconds=5, by=who)


@pytest.mark.parametrize(
    ("build", "told"),
    [
        (lambda: draft().signal("word", Word, within_seconds=0), "signal 'word' has within_seconds=0"),
        (lambda: draft().signal("word", type("Odd", (), {}), within_seconds=5), "signal 'word' brings Odd"),
        (lambda: draft().signal("Word", Word, within_seconds=5), "Word"),
        (lambda: draft().sleep(-1, name="nap"), "sleep 'nap' has seconds=-1"),
        (
            lambda: wrong().sleep("30", name="nap"),
            "sleep 'nap' has seconds='30'\n  why: that is no number of seconds",
        ),
        (lambda: wrong().signal("word", Word, within_seconds=None), "signal 'word' has within_seconds=None"),
        (lambda: draft().approval("", about=draft().input, name="ok", within_seconds=5), "question"),
        (lambda: draft().signal("word", Word, within_seconds=5, on_timeout="go"), "on_timeout='go'"),
        (lambda: _by("ann"), "its letters would be a person each"),
        (lambda: _by([""]), "approval 'ok' has by=['']"),
        (_reads_a_sleep, "input 'word' of step 'take' is None"),
        (_about_a_hole, "approval 'ok' is about a value that may be a hole"),
        (lambda: pipeline(sleep("nap")), "the result of 'p' reads the sleep 'nap'"),
        (lambda: pipeline(sleep("nap"), task("a", "nap")), "step 'a' of 'p' reads the sleep 'nap'"),
        (
            lambda: pipeline(approval("ok", {"from": "input"}, inputs=[{"name": "x", "from": "input"}])),
            "step 'ok' of 'p' feeds 'x'",
        ),
        (lambda: pipeline(signal("ok", takes={"$ref": "#/schemas/X"})), "refers to '#/schemas/X'"),
    ],
)
def test_what_can_not_wait_is_told(build: Callable[[], object], told: str) -> None:
    with pytest.raises(BuildError) as found:
        build()
    assert told in str(found.value)


@pytest.mark.parametrize(
    "more",
    [
        {"agent": "ag"},
        {"deadline_seconds": 5},
        {"join": {"policy": "all_ended"}},
        {"inputs": [{"name": "x", "value": 1}]},
    ],
)
def test_a_step_that_waits_has_nothing_of_one_that_runs(more: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SignalStep.model_validate(signal("ok") | more)


def test_schedules_are_found_with_their_pipelines() -> None:
    p = draft()
    word = p.signal("word", Word, within_seconds=60)
    p.returns(p.step(take, word, p.approval("Good?", about=word, name="ok", within_seconds=5)))
    nightly = Schedule("nightly", "0 2 * * *", p, "x")
    app = App(schedules=[nightly])
    assert (dict(app.schedules), list(app.pipelines), list(app.agents)) == (
        {"nightly": nightly},
        ["p"],
        ["take"],
    )
    with pytest.raises(BuildError, match="two schedules named 'nightly'"):
        App(schedules=[nightly, Schedule("nightly", "0 3 * * *", p, "x")])
    module = type(pytest)("a_module")
    module.nightly = nightly  # type: ignore[attr-defined]
    assert list(scan(module, target="m").schedules) == ["nightly"]
