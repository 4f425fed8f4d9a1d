"""Conditions: `when` and `unless`, judged on the facts that the producers of the values gave."""

from collections.abc import Callable
from typing import Final

from argosy.schemas.edges import Pick
from argosy.schemas.facts import Facts, Want
from argosy.schemas.fault import Fault
from argosy.schemas.pipeline import StepBase

FACT_MISSING: Final = "fact_missing"
NOT_MET: Final = "skipped"


def fact_missing(source: str, want: Want) -> Fault:
    """Say that the producer of a value did not answer a want (an older or foreign worker)."""
    return Fault(code=FACT_MISSING, message=f"the value of {source} came without the fact {want.key!r}")


def unmet(step: StepBase, facts: Callable[[str], Facts]) -> Fault | None:
    """Say which condition keeps a step from running, with code `skipped`; `facts` looks up those of a source.

    Only JSON `true` is true: a select that fails on the value is not.
    """
    for picks, wanted in ((step.when, True), (step.unless, False)):
        for pick in picks:
            want = Want(kind="value", select=pick.select)
            fact = facts(pick.source).get(want.key)
            if fact is None:
                return fact_missing(pick.source, want)
            if (fact.kind == "value" and fact.value is True) != wanted:
                words = "`when` is not true" if wanted else "`unless` is true"
                return Fault(code=NOT_MET, message=f"{words}: {_text(pick)}")
    return None


def _text(pick: Pick) -> str:
    return pick.source if pick.select is None else f"{pick.source} | {pick.select}"
