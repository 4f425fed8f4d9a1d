"""Whether a value of one declared type can go where another is declared: a type checker at build time.

It says no only where it is sure; what it can't tell is checked when the value is there.
"""

import collections.abc
from typing import Any, Literal, get_args

from argosy.pipelines.annotation import Annotation, is_any, members, origin_of

_TEXT = (str, bytes)
_TOWER: dict[type, tuple[type, ...]] = {float: (int,), complex: (int, float)}


def fits(given: Annotation, wanted: Annotation) -> bool:
    """Tell whether every value of `given` is one of `wanted`, reading lists and mappings as read-only."""
    if given == wanted or is_any(given) or is_any(wanted):
        return True
    from_members, to_members = members(given), members(wanted)
    return all(any(_one_fits(g, w) for w in to_members) for g in from_members)


def _one_fits(given: Annotation, wanted: Annotation) -> bool:
    if given == wanted or is_any(given) or is_any(wanted):
        return True
    if origin_of(wanted) is Literal:
        return origin_of(given) is Literal and set(get_args(given)) <= set(get_args(wanted))
    if origin_of(given) is Literal:
        return all(fits(type(value), wanted) for value in get_args(given))
    source: Annotation = origin_of(given) or given
    target: Annotation = origin_of(wanted) or wanted
    if not isinstance(source, type) or not isinstance(target, type):
        return True
    return _is_subclass(source, target) and _arguments_fit(given, wanted, target)


def _is_subclass(source: type, target: type) -> bool:
    if source in _TOWER.get(target, ()):
        return True
    if source in _TEXT and target is not source and issubclass(target, collections.abc.Iterable):
        return False  # Python calls text a sequence; JSON doesn't
    try:
        return issubclass(source, target)
    except TypeError:  # a protocol or a TypedDict: only the value itself can tell
        return True


def _arguments_fit(given: Annotation, wanted: Annotation, target: type) -> bool:
    from_args, to_args = _item_types(given), _item_types(wanted)
    if not from_args or not to_args or not issubclass(target, collections.abc.Iterable):
        return True
    if len(from_args) == len(to_args):
        return all(fits(g, w) for g, w in zip(from_args, to_args, strict=True))
    if len(to_args) == 1:
        return all(fits(g, to_args[0]) for g in from_args)
    return not (origin_of(given) is tuple and origin_of(wanted) is tuple)


def _item_types(annotation: Annotation) -> tuple[Any, ...]:
    return tuple(arg for arg in get_args(annotation) if arg is not Ellipsis)
