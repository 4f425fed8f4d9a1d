"""Which traces are recorded: a share of the runs; what belongs to a run is recorded as that is."""

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult, TraceIdRatioBased
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

from argosy.telemetry import names


def sampler(per_mille: int) -> Sampler:
    """Sample so many of a thousand new traces, and each that a sampled trace goes on in."""
    return ParentBased(_Roots(per_mille / 1000))


class _Roots(TraceIdRatioBased):
    """Of new traces: those that are a part of a sampled run's (link mode) all, a share of the others."""

    def should_sample(  # noqa: PLR0913, PLR0917 - the interface's
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Say whether to record it."""
        if any(_is_part(link) for link in links or ()):
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        return super().should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)


def _is_part(link: Link) -> bool:
    return link.context.trace_flags.sampled and (link.attributes or {}).get(names.LINK_KIND) == "run"
