"""Whether a run's input is what its pipeline takes: JSON Schema, compiled once per pipeline."""

from collections import OrderedDict
from typing import Final, cast

import jsonschema_rs
from pydantic import JsonValue

from argosy.coordinator.schema_cost import SchemaCost
from argosy.schemas.errors import BadMessage
from argosy.schemas.pipeline import CompiledPipeline

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
        known = self._validators.get(identity)
        if known is None:
            known = self._validators[identity] = _compiled(pipeline)
            if len(self._validators) > _KEPT:
                self._validators.popitem(last=False)
        self._validators.move_to_end(identity)
        cost, validator = known
        cost.check(value)
        error = next(iter(validator.iter_errors(value)), None)
        if error is not None:
            path = ".".join(["input", *(str(part)[:100] for part in error.instance_path[:_PATH_PARTS])])
            raise BadMessage(error.message[:500], field=path)


def _compiled(pipeline: CompiledPipeline) -> tuple[SchemaCost, jsonschema_rs.Draft202012Validator]:
    document: dict[str, JsonValue] = {**pipeline.takes, "schemas": cast("JsonValue", pipeline.schemas)}
    try:
        validator = jsonschema_rs.Draft202012Validator(document, retriever=_nothing_from_outside)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise BadMessage(str(error)[:500], field="pipeline.takes") from None
    return SchemaCost(document), validator


def _nothing_from_outside(uri: str) -> JsonValue:
    """Refuse: a submitted schema must not make us fetch what it names."""
    message = f"{uri} lies outside of the pipeline"
    raise ValueError(message)
