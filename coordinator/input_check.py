"""Whether a value is what a pipeline takes, as input or by a signal: JSON Schema, compiled once for each."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, cast

import jsonschema_rs
from pydantic import JsonValue

from argosy.coordinator.schema_cost import SchemaCost
from argosy.schemas.errors import BadMessage
from argosy.schemas.pipeline import CompiledPipeline, SignalStep

_KEPT: Final = 512
_PATH_PARTS: Final = 20


class InputCheck:
    """Compiled schemas, the most recently used ones."""

    def __init__(self) -> None:
        """Start empty."""
        self._validators: OrderedDict[str, tuple[SchemaCost, jsonschema_rs.Draft202012Validator]] = (
            OrderedDict()
        )

    def check(self, identity: str, pipeline: CompiledPipeline, value: JsonValue) -> None:
        """Raise BadMessage that names the first wrong value (`input.documents.3.title`), or the schema."""
        if identity not in self._validators:
            document = {**pipeline.takes, "schemas": cast("JsonValue", pipeline.schemas)}
            self._compile(identity, document, "pipeline.takes")
        self._fits(identity, value, "input")

    def check_value(self, identity: str, schema: Mapping[str, JsonValue], value: JsonValue) -> None:
        """Raise BadMessage that names the first wrong part of a value (`value.title`), or the schema."""
        if identity not in self._validators:
            self._compile(identity, schema, "the schema of the step")
        self._fits(identity, value, "value")

    def _compile(self, identity: str, schema: Mapping[str, JsonValue], where: str) -> None:
        self._validators[identity] = _compiled(schema, where)
        if len(self._validators) > _KEPT:
            self._validators.popitem(last=False)

    def _fits(self, identity: str, value: JsonValue, what: str) -> None:
        self._validators.move_to_end(identity)
        cost, validator = self._validators[identity]
        cost.check(value)
        error = next(iter(validator.iter_errors(value)), None)
        if error is not None:
            path = ".".join([what, *(str(part)[:100] for part in error.instance_path[:_PATH_PARTS])])
            raise BadMessage(error.message[:500], field=path)


def check_signals(pipeline: CompiledPipeline) -> None:
    """Raise BadMessage for a step whose signals nobody could ever check: its schema is none."""
    for inner in pipeline.whole():
        for step in inner.steps:
            if isinstance(step, SignalStep):
                document = {**step.takes, "schemas": cast("JsonValue", inner.schemas)}
                _compiled(document, f"pipeline: what step {step.name!r} takes")


def _compiled(
    schema: Mapping[str, JsonValue], where: str
) -> tuple[SchemaCost, jsonschema_rs.Draft202012Validator]:
    document = dict(schema)
    try:
        validator = jsonschema_rs.Draft202012Validator(document, retriever=_nothing_from_outside)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise BadMessage(str(error)[:500], field=where) from None
    return SchemaCost(document), validator


def _nothing_from_outside(uri: str) -> JsonValue:
    """Refuse: a submitted schema must not make us fetch what it names."""
    message = f"{uri} lies outside of the pipeline"
    raise ValueError(message)
