"""Values that JSON can surely say, as their types declare them: told by the exact types of what they hold.

To have a serializer complain, and to look through what it wrote, costs more than to write a small value, and to write
it by a serializer takes three times as long as without. Whatever is not plainly right is left to that.
"""

import math
import types
from collections.abc import Callable
from itertools import product
from typing import Final, Union, get_args

import orjson
from pydantic import BaseModel, RootModel

from argosy.pipelines.annotation import Annotation, origin_of

Exact = Callable[[object], bytes | None]
"""Writes a value, byte for byte as its type's serializer does; None: leave it to that."""

_SCALARS: Final = (str, int, bool, type(None))
"""No float: it may be none that JSON can say."""
_MOST_WAYS: Final = 64
"""In which the fields of one model may be typed."""


def exact_of(annotation: Annotation) -> Exact | None:
    """Make what writes values that are exactly of a type; None for a type that is no scalar and no flat model."""
    kinds = _kinds(annotation)
    if kinds:
        return lambda value: _written(value) if type(value) in kinds else None
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and not _writes_itself(annotation):
        return _flat(annotation)
    return None


def _flat(model: type[BaseModel]) -> Exact | None:
    fields = model.model_fields
    if any(field.exclude or field.exclude_if is not None for field in fields.values()):
        return None
    kinds = [() if field.metadata else _kinds(field.annotation) for field in fields.values()]
    if not all(kinds) or math.prod(map(len, kinds)) > _MOST_WAYS:
        return None
    names, ways = list(fields), frozenset(product(*kinds))
    told = [field.serialization_alias or name for name, field in fields.items()]

    def exact(value: object) -> bytes | None:
        if type(value) is not model:
            return None
        held = value.__dict__
        if list(held) != names or tuple(map(type, held.values())) not in ways:
            return None
        return _written(held if told == names else dict(zip(told, held.values(), strict=True)))

    return exact


def _written(value: object) -> bytes | None:
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer over 64 bits, a lone surrogate
        return None


def _writes_itself(model: type[BaseModel]) -> bool:
    """Whether a model has a word in how it is written."""
    own, config = model.__pydantic_decorators__, model.model_config
    return bool(
        own.field_serializers
        or own.model_serializers
        or own.computed_fields
        or issubclass(model, RootModel)
        or config.get("extra") == "allow"
        or config.get("json_encoders")
        or config.get("alias_generator")
        or any(
            "__get_pydantic_core_schema__" in vars(base) for base in model.__mro__ if base is not BaseModel
        )
    )


def _kinds(annotation: Annotation) -> tuple[type, ...]:
    """List the exact types of a scalar's values; none for what is no scalar."""
    found = get_args(annotation) if origin_of(annotation) in {Union, types.UnionType} else (annotation,)
    kinds = [type(None) if one is None else one for one in found]
    return tuple(kinds) if all(one in _SCALARS for one in kinds) else ()
