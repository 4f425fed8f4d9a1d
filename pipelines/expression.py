"""JMESPath as a value: an expression and the declared type of what it gives."""

import json
from dataclasses import dataclass, replace
from typing import Final

from pydantic_core import PydanticSerializationError, to_jsonable_python

from argosy.pipelines.annotation import Annotation
from argosy.schemas.errors import BuildError

WHY_DATA: Final = "a pick is compiled to data (JMESPath); Python would decide it now, before there is a value"
_PLAIN_KEY: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@dataclass(frozen=True, slots=True)
class Expression:
    """JMESPath over one value, and the declared type of what it gives."""

    annotation: Annotation
    path: str = ""
    """Fields and items from where `base` ends; empty for the whole of it."""
    base: str = ""
    """An expression that isn't a path; empty for the value itself."""
    call: bool = False
    """`base` is a function call, which binds tightly enough to stand without brackets."""

    @property
    def text(self) -> str:
        """The whole expression; `@` is the value itself."""
        if not self.base:
            return self.path or "@"
        return f"{self.base} | {self.path}" if self.path else self.base

    @property
    def operand(self) -> str:
        """The expression as it must stand beside an operator."""
        bare = not self.base or (self.call and not self.path)
        return self.text if bare else f"({self.text})"

    @property
    def select(self) -> str | None:
        """The expression as a compiled pipeline holds it: absent for the whole value."""
        return None if self.text == "@" else self.text

    def field(self, key: str, annotation: Annotation) -> "Expression":
        """Read a field."""
        plain = key and set(key) <= _PLAIN_KEY and not key[0].isdigit()
        name = key if plain else json.dumps(key)
        return replace(self, annotation=annotation, path=f"{self.path}.{name}" if self.path else name)

    def item(self, index: int, annotation: Annotation) -> "Expression":
        """Read an item of a list, from its end if the index is negative."""
        return replace(self, annotation=annotation, path=f"{self.path}[{index}]")

    def test(self, operator: str, other: str) -> "Expression":
        """Compare, or combine two tests."""
        return Expression(bool, base=f"{self.operand} {operator} {other}")

    def size(self) -> "Expression":
        """Count items, keys or characters."""
        return Expression(int, base=f"length({self.text})", call=True)


def literal(value: object) -> str:
    """Write a Python value as a JMESPath literal."""
    try:
        data = to_jsonable_python(value, by_alias=True)
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    except (PydanticSerializationError, ValueError) as error:
        raise BuildError(
            what=f"a pick compares with {value!r}, which is no JSON value",
            why=WHY_DATA,
            do="compare with text, a number, a bool or None",
        ) from error
    return "`" + text.replace("`", "\\u0060") + "`"
