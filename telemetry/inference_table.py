"""The metrics of model calls as the separate GenAI conventions (v0.1.0) name them: told only where they are asked for.

Each stands for one of `metric_table`: the duration for `gen_ai.client.operation.duration`, the two counters for the
distribution `gen_ai.client.token.usage`. `telemetry.dialect` says who is told what.
"""

from typing import Final

from argosy.telemetry import names
from argosy.telemetry.metric import CALL_SECONDS, Metric

_CALL: Final = (names.GEN_AI_OPERATION, names.GEN_AI_PROVIDER, names.REQUEST_MODEL, names.GEN_AI_AGENT)

INFERENCE_DURATION: Final = Metric(
    "gen_ai.client.inference.duration",
    "histogram",
    "s",
    "Duration of a model call",
    CALL_SECONDS,
    labels=(*_CALL, names.ERROR_TYPE),
)
INFERENCE_INPUT: Final = Metric(
    "gen_ai.client.inference.usage.input_tokens",
    "counter",
    "{token}",
    "Input tokens of model calls",
    labels=_CALL,
)
INFERENCE_OUTPUT: Final = Metric(
    "gen_ai.client.inference.usage.output_tokens",
    "counter",
    "{token}",
    "Output tokens of model calls",
    labels=_CALL,
)

INFERENCE: Final = INFERENCE_DURATION, INFERENCE_INPUT, INFERENCE_OUTPUT
