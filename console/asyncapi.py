"""`argosy asyncapi`: the topics and their messages as an AsyncAPI document, for tools of other languages."""

import json
import sys
from importlib.metadata import version
from typing import Final

from pydantic import BaseModel, JsonValue
from pydantic.json_schema import models_json_schema

from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.coordinator.registry import PUBLISHED
from argosy.schemas.codec import MESSAGES
from argosy.schemas.deadletter import DeadLetter
from argosy.schemas.envelope import type_of
from argosy.schemas.inbox import BudgetAnswered, CancelRequested, RunSubmitted, SignalSent
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import (
    BudgetReceived,
    CancelReceived,
    RunAccepted,
    RunEnded,
    SignalReceived,
    StepRecorded,
    SubmitTurnedAway,
    TaskSettled,
    TimerFired,
)
from argosy.schemas.settings import KafkaSettings
from argosy.schemas.task import SystemDispatched, TaskDispatched
from argosy.schemas.watch import StateChanged, StatesChanged, TaskProgressed, TextStreamed

_KINDS: Final[dict[str, type[BaseModel]]] = {**MESSAGES, PUBLISHED: CompiledPipeline}

_CHANNELS: Final = (
    ("inbox", "What any client sends: submits, signals, answers about budgets, cancels. The key is the run id.",
     (RunSubmitted.KIND, SignalSent.KIND, BudgetAnswered.KIND, CancelRequested.KIND), "receive"),
    ("runs", "The run log, the record of truth. The key is the run id, its partition the lane.",
     tuple(each.KIND for each in (RunAccepted, SubmitTurnedAway, TaskSettled, StepRecorded, SignalReceived,
                                  BudgetReceived, CancelReceived, TimerFired, RunEnded)), "send"),
    ("tasks", "The work of one agent. The key is the task id.", (TaskDispatched.KIND, SystemDispatched.KIND), "send"),
    ("results", "One record per ended run, at least once, and refusals. The key is the run id.",
     (RunEnded.KIND, SubmitRefused.KIND), "send"),
    ("events", "For people who watch; lossy.",
     (TaskProgressed.KIND, TextStreamed.KIND, StateChanged.KIND, StatesChanged.KIND), "send"),
    ("pipelines", "Published pipelines, compacted. The key is name@version.", (PUBLISHED,), "receive"),
    ("dead", "Messages that couldn't be processed, with the reason.", (DeadLetter.KIND,), "send"),
)  # fmt: skip
"""Topic, what it holds, its kinds, and what the fleet does with it as seen from a client."""

_HEADERS: Final[dict[str, JsonValue]] = {
    "type": "object",
    "required": ["ce_id", "ce_source", "ce_type", "ce_specversion"],
    "properties": {
        "ce_id": {"type": "string"},
        "ce_source": {"type": "string"},
        "ce_specversion": {"const": "1.0"},
        "ce_subject": {"type": "string", "description": "The run id."},
        "ce_time": {"type": "string", "format": "date-time"},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string"},
        "tracestate": {"type": "string"},
    },
}


def asyncapi() -> None:
    """Print the AsyncAPI 3.0 document of this fleet: channels, messages with headers and bodies, operations."""
    sys.stdout.write(json.dumps(document(load_settings().kafka), indent=1, ensure_ascii=False) + "\n")


def document(kafka: KafkaSettings) -> dict[str, JsonValue]:
    """Build the document; the topics carry the settings' prefix, no address carries a secret."""
    names = TopicNames(kafka.topic_prefix)
    addresses = {
        name: names.tasks("{agent}") if name == "tasks" else getattr(names, name) for name, *_ in _CHANNELS
    }
    bodies, schemas = _schemas()
    channels: dict[str, JsonValue] = {}
    operations: dict[str, JsonValue] = {}
    for name, what, kinds, action in _CHANNELS:
        channel: dict[str, JsonValue] = {
            "address": addresses[name],
            "description": what,
            "servers": [{"$ref": "#/servers/kafka"}],
            "messages": {kind: {"$ref": f"#/components/messages/{kind}"} for kind in kinds},
        }
        if name == "tasks":
            channel["parameters"] = {"agent": {"description": "The agent's name."}}
        channels[name] = channel
        operations[f"{action}_{name}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{kind}"} for kind in kinds],
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"argosy fleet {kafka.topic_prefix}",
            "version": version("argosy"),
            "description": "Messages are CloudEvents in Kafka's binary mode: ce_ headers and a JSON body.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"kafka": {"host": kafka.bootstrap_servers, "protocol": _protocol(kafka)}},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {kind: _message(kind, bodies[kind]) for kind in _KINDS},
            "schemas": schemas,
        },
    }


def _protocol(kafka: KafkaSettings) -> str:
    return "kafka" if kafka.security_protocol == "PLAINTEXT" else "kafka-secure"


def _message(kind: str, body: JsonValue) -> JsonValue:
    properties = _HEADERS["properties"]
    known = properties if isinstance(properties, dict) else {}
    headers: JsonValue = {**_HEADERS, "properties": {**known, "ce_type": {"const": type_of(kind)}}}
    return {"name": kind, "contentType": "application/json", "headers": headers, "payload": body}


def _schemas() -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """Make the bodies' schemas, what they share lifted into the components."""
    found, whole = models_json_schema(
        [(model, "validation") for model in _KINDS.values()], ref_template="#/components/schemas/{model}"
    )
    bodies: dict[str, JsonValue] = {kind: found[model, "validation"] for kind, model in _KINDS.items()}
    shared: dict[str, JsonValue] = whole.get("$defs", {})
    return bodies, shared
