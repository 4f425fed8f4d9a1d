"""The metric of runs that wait for a larger budget; the table of all is `metric_table`."""

from typing import Final

from argosy.telemetry import names
from argosy.telemetry.metric import Metric

RUNS_ASKING: Final = Metric(
    "argosy.runs.asking",
    "gauge",
    "{run}",
    "Runs in a coordinator's lanes whose budget is spent, and that wait until somebody raises it",
    tellers=("coordinator",),
    labels=(names.PIPELINE,),
)
