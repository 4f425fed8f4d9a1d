"""Reading type annotations: what members, items and fields a declared type has, and what people call it."""

import collections.abc
import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, Union, cast, get_args, get_origin

import typing_extensions
from pydantic import BaseModel, RootModel

Annotation: TypeAlias = Any
"""What typing's own functions take and give: a class, a generic alias, a union, a special form."""

_WRAPPERS: Final = (Annotated, typing.Required, typing.NotRequired, typing.Final, typing.ClassVar)
_LISTS: Final = (
    list,
    tuple,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
    collections.abc.Set,
)
_OBJECTS: Final = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class FieldOf(NamedTuple):
    """A field of a declared type: what it is called in JSON, and its own type."""

    key: str
    annotation: Annotation


def origin_of(annotation: Annotation) -> Annotation:
    """Give what a generic is made of, `list` for `list[int]`; None for what isn't generic."""
    found: Any = get_origin(annotation)
    return found


def strip(annotation: Annotation) -> Annotation:
    """Take off what says nothing about the value: Annotated, NewType, type aliases, None as a value."""
    while True:
        if origin_of(annotation) in _WRAPPERS:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif hasattr(annotation, "__value__") and not isinstance(annotation, type):
            annotation = annotation.__value__
        elif isinstance(annotation, typing.TypeVar | str | typing.ForwardRef):
            return Any
        else:
            return type(None) if annotation is None else annotation


def members(annotation: Annotation) -> tuple[Annotation, ...]:
    """Give the members of a union, stripped; of any other type, itself."""
    bare = strip(annotation)
    if origin_of(bare) in (Union, types.UnionType):
        return tuple(inner for arg in get_args(bare) for inner in members(arg))
    return (bare,)


def union(*annotations: Annotation) -> Annotation:
    """Make a union of types that are known only at run time."""
    return Union[annotations] if annotations else Any  # noqa: UP007 - the members are values here


def without(annotation: Annotation, member: type) -> Annotation:
    """Take a member out of a union; a type without it is given back as it is."""
    found = members(annotation)
    return union(*(m for m in found if m is not member)) if member in found and len(found) > 1 else annotation


def is_any(annotation: Annotation) -> bool:
    """Tell a type that says nothing."""
    return annotation is Any or annotation is object


def is_list(annotation: Annotation) -> bool:
    """Tell a type whose JSON is an array."""
    bare = strip(annotation)
    return (origin_of(bare) or bare) in _LISTS


def is_object(annotation: Annotation) -> bool:
    """Tell a mapping, whose JSON is an object of any keys."""
    bare = strip(annotation)
    return (origin_of(bare) or bare) in _OBJECTS


def is_typed_dict(annotation: Annotation) -> bool:
    """Tell a TypedDict, whose fields are read by key."""
    return typing_extensions.is_typeddict(strip(annotation))


def item_of(annotation: Annotation) -> Annotation:
    """Give the type of the items of a list or of the values of a mapping; Any where it isn't declared."""
    args = get_args(strip(annotation))
    if not args:
        return Any
    if origin_of(strip(annotation)) is tuple:
        return union(*(arg for arg in args if arg is not Ellipsis))
    return args[-1]


def fields_of(annotation: Annotation) -> Mapping[str, FieldOf] | None:
    """Give the fields by attribute (of a TypedDict: by key), or None for a type without declared fields."""
    bare = strip(annotation)
    if not isinstance(origin_of(bare) or bare, type):
        return None
    kind: type[Any] = origin_of(bare) or bare
    if issubclass(kind, BaseModel):
        return _model_fields(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        return {name: FieldOf(name, hints[name]) for name in names}
    if typing_extensions.is_typeddict(kind):
        return {key: FieldOf(key, hint) for key, hint in typing.get_type_hints(kind).items()}
    return None


def _model_fields(model: type[BaseModel]) -> dict[str, FieldOf]:
    if issubclass(model, RootModel):
        return {}
    stored = {
        name: FieldOf(field.serialization_alias or name, field.annotation)
        for name, field in model.model_fields.items()
    }
    computed = {
        name: FieldOf(field.alias or name, field.return_type)
        for name, field in model.model_computed_fields.items()
    }
    return stored | computed


def describe(annotation: Annotation) -> str:
    """Name a type as an author writes it."""
    if annotation is Ellipsis:
        return "..."
    if origin_of(annotation) is Literal:
        return f"Literal[{', '.join(repr(value) for value in get_args(annotation))}]"
    found = members(annotation)
    if len(found) > 1:
        return " | ".join(describe(member) for member in found)
    bare = strip(annotation)
    if bare is type(None):
        return "None"
    args = get_args(bare)
    name = getattr(origin_of(bare) or bare, "__name__", None) or str(bare)
    return f"{name}[{', '.join(describe(arg) for arg in args)}]" if args else name


def signature_of(function: object) -> inspect.Signature:
    """Read a function's signature with its annotations resolved; NameError if one can't be."""
    plain = inspect.signature(cast("types.FunctionType", function))
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = [
        parameter.replace(annotation=hints.get(name, inspect.Parameter.empty))
        for name, parameter in plain.parameters.items()
    ]
    returns = hints.get("return", inspect.Signature.empty)
    return plain.replace(parameters=parameters, return_annotation=returns)
