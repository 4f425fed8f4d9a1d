"""The standard switch: which names attributes have."""

from collections.abc import Callable, Iterator

import pytest

from argosy.schemas.chat import Usage
from argosy.telemetry import calls, dialect, names, steps
from argosy.telemetry.propagation import Trace
from argosy.telemetry.steps import Position, RunSummary, Work
from support.traces import Spans, attributes

PARENT = Trace("00-11111111111111111111111111111111-2222222222222222-01")
OLD = {
    "messaging.operation",
    "messaging.kafka.destination.partition",
    "messaging.kafka.message.offset",
    "messaging.kafka.consumer.group",
    "gen_ai.system",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Spans]]:
    def ask(words: str) -> Spans:
        monkeypatch.setenv(dialect.VARIABLE, words)
        dialect.forget()
        spans = Spans()
        position, work = Position("argosy.tasks.a", 3, 42, "argosy.agent.a"), Work("r", "r/a", "a", 1)
        steps.invocation(position, work, PARENT).end()
        calls.of_model("openai", "m", {}).end()
        steps.end(RunSummary("r", "book@1", "succeeded", 1, 1, Usage()), PARENT).end()
        return spans

    yield ask
    monkeypatch.undo()
    dialect.forget()


@pytest.mark.parametrize("words", ["", "messaging", "http,database/dup"])
def test_usually_names_are_those_of_one_dialect(asked: Callable[[str], Spans], words: str) -> None:
    spans = asked(words)
    assert OLD.isdisjoint(name for span in spans.all() for name in attributes(span))
    assert attributes(spans.one("invoke_workflow book"))[names.WORKFLOW] == "book"
    assert names.GEN_AI_AGENT not in attributes(spans.one("invoke_workflow book"))


def test_both_messaging_dialects_are_told_where_that_is_asked_for(asked: Callable[[str], Spans]) -> None:
    told = attributes(asked("messaging, messaging/dup").one("invoke_agent a"))
    assert told["messaging.operation.type"] == told["messaging.operation"] == "process"
    assert told["messaging.destination.partition.id"] == "3"
    assert told["messaging.kafka.destination.partition"] == 3
    assert told["messaging.kafka.offset"] == told["messaging.kafka.message.offset"] == 42
    assert told["messaging.kafka.consumer.group"] == told["messaging.consumer.group.name"] == "argosy.agent.a"


def test_the_latest_genai_names_replace_the_older_ones(asked: Callable[[str], Spans]) -> None:
    spans = asked("gen_ai_latest_experimental")
    told = attributes(spans.one("invoke_workflow book"))
    assert told[names.GEN_AI_AGENT] == "book"
    assert names.WORKFLOW not in told
    assert "gen_ai.system" not in attributes(spans.one("chat m"))


def test_all_genai_names_are_told_together(asked: Callable[[str], Spans]) -> None:
    spans = asked("gen_ai_latest_experimental,gen_ai/dup")
    told = attributes(spans.one("invoke_workflow book"))
    assert told[names.GEN_AI_AGENT] == told[names.WORKFLOW] == "book"
    asked_model = attributes(spans.one("chat m"))
    assert asked_model["gen_ai.system"] == asked_model["gen_ai.provider.name"] == "openai"
