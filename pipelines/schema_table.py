"""The JSON Schemas of a pipeline's types, with each model described once, under a name that stays.

Pydantic's own keys for two models of one name hold their module, which is `__main__` in a script: the
pipeline's hash would depend on how it is started. Here they are `Document`, `Document_2`, in order of use.
"""

from collections.abc import Iterable
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic.json_schema import CoreModeRef, DefsRef, GenerateJsonSchema

from argosy.schemas.contract import JsonSchema


class _ByOrderOfUse(GenerateJsonSchema):
    def get_defs_ref(self, core_mode_ref: CoreModeRef) -> DefsRef:
        """Give a model its plain name, or one with `_2` and so on if another has it; called once for each."""
        plain = self._prioritized_defsref_choices.pop(super().get_defs_ref(core_mode_ref))[0]
        name, count = plain, 1
        while name in self._prioritized_defsref_choices:
            count += 1
            name = DefsRef(f"{plain}_{count}")
        self._prioritized_defsref_choices[name] = [name]
        return name


def tabulate(
    types: Iterable[tuple[str, TypeAdapter[Any]]], *, under: str = "schemas"
) -> tuple[dict[str, JsonSchema], dict[str, JsonSchema]]:
    """Describe types by key: their schemas, and the table that these refer to as `#/<under>/<name>`."""
    schemas, rest = TypeAdapter[Any].json_schemas(
        [(key, "validation", adapter) for key, adapter in types],
        ref_template=f"#/{under}/{{model}}",
        schema_generator=_ByOrderOfUse,
    )
    by_key = {key: cast("JsonSchema", schema) for (key, _), schema in schemas.items()}
    return by_key, cast("dict[str, JsonSchema]", rest.get("$defs", {}))
