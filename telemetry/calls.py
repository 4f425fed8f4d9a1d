"""The steps inside of an invocation that have a span each: calls of tools and of models."""

from opentelemetry.trace import SpanKind

from argosy.telemetry import content, dialect, names
from argosy.telemetry.spans import Attributes, Step, Traced, begin_here


def of_tool(tool: str, arguments: content.Content) -> Traced:
    """One call of a tool, under the current span; add its result as content `names.TOOL_RESULT`."""

    def attributes() -> Attributes:
        return {names.GEN_AI_OPERATION: names.EXECUTE_TOOL, names.TOOL_NAME: tool}

    span = begin_here(Step(f"{names.EXECUTE_TOOL} {tool}", SpanKind.INTERNAL), attributes)
    span.set_content(names.TOOL_ARGUMENTS, arguments)
    return span


def of_model(provider: str, model: str, attributes: Attributes) -> Traced:
    """One logical model call with all its tries, under the current span."""

    def described() -> Attributes:
        return {
            names.GEN_AI_OPERATION: names.CHAT,
            **dialect.provider(provider),
            names.REQUEST_MODEL: model,
            **attributes,
        }

    return begin_here(Step(f"{names.CHAT} {model}", SpanKind.CLIENT), described)
