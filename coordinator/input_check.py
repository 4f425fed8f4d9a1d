"""Whether a run's input is what its pipeline takes: JSON Schema, compiled once per pipeline."""

from collections import OrderedDict
from typing import Final

import jsonschema_rs
from pydantic import JsonValue

from argosy.schemas.errors import BadMessage
from argosy.schemas.pipeline import CompiledPipeline

_KEPT: Final = 512
_PATH_PARTS: Final = 20


class InputCheck:
    """Compiled schemas, the most recently used ones."""

    def __init__(self) -> None:
        """Start empty."""
        self._validators: OrderedDict[str, jsonschema_rs.Draft202012Validator] = OrderedDict()

    def check(self, identity: str, pipeline: CompiledPipeline, value: JsonValue) -> None:
        """Raise BadMessage that names the first wrong value (`input.documents.3.title`), or the schema."""
        validator = self._validators.get(identity)
        if validator is None:
            validator = self._validators[identity] = _compiled(pipeline)
            if len(self._validators) > _KEPT:
                self._validators.popitem(last=False)
        self._validators.move_to_end(identity)
        error = next(iter(validator.iter_errors(value)), None)
        if error is not None:
            path = ".".join(["input", *(str(part)[:100] for part in error.instance_path[:_PATH_PARTS])])
            raise BadMessage(error.message[:500], field=path)


def _compiled(pipeline: CompiledPipeline) -> jsonschema_rs.Draft202012Validator:
    document = {**pipeline.takes, "schemas": pipeline.schemas}
    try:
        return jsonschema_rs.Draft202012Validator(document, retriever=_nothing_from_outside)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise BadMessage(str(error)[:500], field="pipeline.takes") from None


def _nothing_from_outside(uri: str) -> JsonValue:
    """Refuse: a submitted schema must not make us fetch what it names."""
    message = f"{uri} lies outside of the pipeline"
    raise ValueError(message)
