"""One model call as it is told: its span, its metrics, and its bill."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from argosy.agents.admission import Admissions
from argosy.agents.guard import Guard
from argosy.agents.model_client import ModelRequest
from argosy.agents.prompt import shown
from argosy.broker import tokens
from argosy.schemas.chat import Reply, Usage
from argosy.schemas.prices import Price, price_of
from argosy.telemetry import calls, metrics, names
from argosy.telemetry.spans import Traced, annotate, error_type_of


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """On whose behalf, and within what, a model is called. `model` is empty for an agent that names none."""

    agent: str
    provider: str
    model: str
    guard: Guard
    spent: Callable[[Usage], None]
    admissions: Admissions | None = None
    """What lets calls of limited models in; None: no model has limits."""
    shares: list[float] = field(default_factory=list[float])
    """How full the context window was at each call so far."""
    prices: Mapping[str, Price] | None = None
    """Come before our own table."""


class ModelCall:
    """A context manager around the call: whichever way it ends, it is told once."""

    def __init__(self, terms: TaskTerms, request: ModelRequest) -> None:
        """Begin the span, under the one that is current."""
        self._terms, self._request = terms, request
        self._began = time.monotonic()
        self._pieces: list[str] = []
        self._told = False
        self.usage = Usage()
        """What it took, once that was told."""
        self.span: Traced = calls.of_model(
            request.provider,
            request.model,
            {
                names.GEN_AI_AGENT: request.agent,
                names.OUTPUT_TYPE: "json" if request.answer else "text",
                **(
                    {names.REQUEST_MAX_TOKENS: request.max_output_tokens} if request.max_output_tokens else {}
                ),
            },
        )
        self.span.set_content(names.INPUT_MESSAGES, lambda: shown(request.turns))
        share = terms.guard.share(request.prompt_tokens)
        if share is not None:
            self.span.set({names.CONTEXT_SHARE: round(share, 4)})
            terms.shares.append(share)
            annotate({names.CONTEXT_SHARE: round(max(terms.shares), 4)})  # of the invocation, or a tool
            metrics.context_used(request.agent, share)

    def __enter__(self) -> Self:
        """Nothing: the span is made current around each wait, by `span.current()`."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Tell how the call ended, if it was not answered, and end its span."""
        if not self._told:
            # A stream that nobody reads on has still cost what came so far.
            usage = self._counted("".join(self._pieces)) if self._pieces else Usage()
            error_type = None if error is None or isinstance(error, GeneratorExit) else error_type_of(error)
            if error_type is not None:
                self.span.fail(error_type, str(error))
            self._tell(usage, error_type)
        self.span.end()

    def streamed(self, piece: str) -> None:
        """Take a piece of a stream."""
        if not self._pieces:
            self.span.set({names.FIRST_CHUNK_SECONDS: round(time.monotonic() - self._began, 6)})
        self._pieces.append(piece)

    def answered(self, reply: Reply) -> None:
        """Tell the answer, and the bill: the server's, or by our own count where it tells none."""
        self.span.set({names.RESPONSE_MODEL: reply.model, names.FINISH_REASONS: [reply.stop]})
        self.span.set_content(names.OUTPUT_MESSAGES, reply.text)
        usage = reply.usage
        if usage.input_tokens:
            usage = usage.model_copy(update={"counted_tokens": self._request.prompt_tokens})
        self._tell(usage if usage.total_tokens else self._counted(reply.text), None)

    def _counted(self, text: str) -> Usage:
        return Usage(input_tokens=self._request.prompt_tokens, output_tokens=tokens.count(text))

    def _tell(self, usage: Usage, error_type: str | None) -> None:
        self._told, self.usage = True, usage
        request = self._request
        if usage.total_tokens:
            self._terms.spent(usage)
        self.span.set({names.INPUT_TOKENS: usage.input_tokens, names.OUTPUT_TOKENS: usage.output_tokens})
        call = metrics.ModelCall(request.provider, request.model, request.agent)
        metrics.model_called(call, time.monotonic() - self._began, usage, error_type=error_type)
        price = price_of(self._terms.prices or {}, request.provider, request.model)
        if price is not None and usage.total_tokens:
            metrics.model_cost(call, price.of(usage))
