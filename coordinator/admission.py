"""The rules of a submit that need no service: its time, its deadline, its pipeline.

Judged against the record's own append time.
"""

from typing import Final

import jmespath
from jmespath.exceptions import JMESPathError

from argosy.broker.values import MOST_DEPTH, is_too_deep
from argosy.coordinator.unsupported import unsupported
from argosy.schemas.errors import BadMessage, BuildError
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.pipeline_checks import check, selections
from argosy.schemas.result import SubmitRefused
from argosy.schemas.settings import FleetSettings

BUDGET_RULES: Final = 2
"""The first rules that know of budgets."""


class NotAdmitted(Exception):
    """The submit starts nothing; the reason is its answer."""

    def __init__(self, answer: SubmitRefused) -> None:
        """Keep the answer."""
        super().__init__(answer.message)
        self.answer = answer


class Unjudged(NotAdmitted):
    """A defect of ours came up while the submit was judged: it is the cause."""


def check_budget(budget: int | None, budget_micros: int | None, rules: int) -> None:
    """Raise BadMessage for a budget that nobody would hold the run to."""
    for field, value in (("budget", budget), ("budget_micros", budget_micros)):
        if value is not None and rules < BUDGET_RULES:
            text = (
                f"needs rules {BUDGET_RULES}; this fleet's runs follow rules {rules}: set"
                f" ARGOSY_FLEET__RULES={BUDGET_RULES} once all coordinators and workers have this release,"
                " or submit it without one"
            )
            raise BadMessage(text, field=field)


def check_input_size(size: int, fleet: FleetSettings, position: str) -> None:
    """Raise NotAdmitted for an input of so many bytes, if that is too much."""
    if size > fleet.hard_input_bytes:
        text = (
            f"has {size} bytes; {fleet.hard_input_bytes} is the most that a run may be given"
            " (ARGOSY_FLEET__HARD_INPUT_BYTES): put it where the agents can read it, and submit where that is"
        )
        raise NotAdmitted(SubmitRefused(reason="too_large", message=text, field="input", position=position))


def submitted_ms(ce_time_ms: int | None, appended_ms: int, fleet: FleetSettings, position: str) -> int:
    """Return the time that the run's deadline counts from; NotAdmitted outside of the window for submits."""
    if ce_time_ms is None:
        return appended_ms
    age = appended_ms - ce_time_ms
    if age > fleet.window_seconds * 1000:
        text = f"is {age // 1000} s before its arrival; a submit may be repeated for {fleet.window_seconds} s"
        raise NotAdmitted(SubmitRefused(reason="too_old", message=text, field="ce_time", position=position))
    if -age > fleet.ahead_seconds * 1000:
        text = f"is {-age // 1000} s ahead of its arrival; at most {fleet.ahead_seconds} s are right"
        raise NotAdmitted(
            SubmitRefused(reason="too_far_ahead", message=text, field="ce_time", position=position)
        )
    return ce_time_ms


def deadline_ms(submit: RunSubmitted, pipeline: CompiledPipeline, since_ms: int, fleet: FleetSettings) -> int:
    """Return the run's deadline; BadMessage if the client asks for more than the fleet's longest run."""
    longest = fleet.longest_run_seconds
    if submit.deadline_seconds is not None and submit.deadline_seconds > longest:
        text = f"is {submit.deadline_seconds} s; a run may take {longest} s at most"
        raise BadMessage(text, field="deadline_seconds")
    seconds = submit.deadline_seconds or pipeline.deadline_seconds or longest
    return since_ms + round(min(seconds, longest) * 1000)


def check_rules(pipeline: CompiledPipeline, rules: int) -> None:
    """Raise BadMessage for a pipeline with steps that the rules of this fleet's runs don't know."""
    if pipeline.rules() > rules:
        steps = [step for inner in pipeline.whole() for step in inner.steps if rules < step.RULES]
        told = ", ".join(f"{step.name!r} ({step.kind})" for step in steps[:5])
        text = (
            f"needs rules {pipeline.rules()} for {told}; this fleet's runs follow rules {rules}: set"
            f" ARGOSY_FLEET__RULES={pipeline.rules()} once all coordinators and workers have this release"
        )
        raise BadMessage(text, field="pipeline")


def check_pipeline(pipeline: CompiledPipeline) -> None:
    """Raise BadMessage for a pipeline that can't be run."""
    if is_too_deep(pipeline.model_dump_json().encode()):
        raise BadMessage(f"is nested deeper than {MOST_DEPTH} lists and objects", field="pipeline")
    try:
        check(pipeline)
    except BuildError as error:
        raise BadMessage(str(error), field="pipeline") from None
    for where, expression in selections(pipeline):
        try:
            jmespath.compile(expression)
        except (JMESPathError, RecursionError) as error:
            raise BadMessage(f"{where}: {str(error)[:500]}", field="pipeline") from None
    missing = unsupported(pipeline)
    if missing:
        raise BadMessage(f"this release can't run it: {'; '.join(missing)}", field="pipeline")
