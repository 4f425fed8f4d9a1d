"""Attributes that are always told together: their names once, their values for each span as a tuple.

A span of ours is begun, ended and written for each task. With a dictionary for its attributes it costs three times as
much: each name is looked up again and again, and so is how each value is to be written.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Final

from opentelemetry.util.types import AnyValue

Plain = str | int | float
"""What a form's values may be: exactly these types, and `bool`."""


class Form:
    """Names of attributes, those in `always` with their values. Two are the same only if they are one."""

    __slots__ = ("always", "names")

    def __init__(self, *names: str, always: Mapping[str, Plain] | None = None) -> None:
        """`names` are those whose values are told for each span, in this order."""
        self.names: Final = names
        self.always: Final = dict(always or {})

    def __add__(self, other: "Form") -> "Form":
        """Give the form of both: its values are theirs, one behind the other."""
        return Form(*self.names, *other.names, always={**self.always, **other.always})


Part = tuple[Form, tuple[Plain, ...]]
"""A form, filled in: as many values as it has names."""
Told = Part | Mapping[str, AnyValue]
"""What is told of a span at once."""


def attributes_of(told: Iterable[Told]) -> dict[str, AnyValue]:
    """Put together what was told, in order: of one name the last value counts."""
    found: dict[str, AnyValue] = {}
    for one in told:
        if isinstance(one, tuple):
            form, values = one
            found.update(form.always)
            found.update(zip(form.names, values, strict=True))
        else:
            found.update(one)
    return found


def parts_of(told: Iterable[Told]) -> list[Part] | None:
    """Give what was told if it is all parts, and no name was told twice."""
    parts: list[Part] = []
    for one in told:
        if not isinstance(one, tuple):
            return None
        parts.append(one)
    return parts if _are_apart(tuple([form for form, _ in parts])) else None


@lru_cache(maxsize=256)  # the kinds of spans are few
def _are_apart(forms: tuple[Form, ...]) -> bool:
    every = list(chain.from_iterable((*form.always, *form.names) for form in forms))
    return len(every) == len(set(every))
