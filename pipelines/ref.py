"""References: what a pipeline's input and its steps will give, before there is a value."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, NoReturn, Protocol, TypeVar, cast

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import JsonValue
from pydantic_core import PydanticSerializationError, to_jsonable_python

from argosy.pipelines.annotation import Annotation, describe, union
from argosy.pipelines.expression import Expression
from argosy.pipelines.recorder import record
from argosy.schemas.canonical import canonical_json
from argosy.schemas.errors import BuildError
from argosy.schemas.hole import Hole

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U = TypeVar("U")


class Owner(Protocol):
    """The pipeline that a ref belongs to."""

    @property
    def name(self) -> str:
        """Its name, for errors."""
        ...


@dataclass(frozen=True, slots=True)
class Origin:
    """A value of the run: of its input or of a step, and what is picked of it."""

    owner: Owner
    source: str
    expression: Expression
    hole: bool = False
    """It may be a hole, and whoever reads it says so."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A value that the author wrote down."""

    value: JsonValue


class Ref(Generic[T_co]):
    """What a step reads: `pipeline.input`, the result of a step, or a part of one. It has no value yet."""

    __slots__ = ("annotation", "origin")

    def __init__(self, annotation: Annotation, origin: Origin | Fixed) -> None:
        """Come by one through a pipeline, or through `const`."""
        self.annotation = annotation
        self.origin = origin

    def pick(self, path: Callable[[T_co], U], /) -> "Ref[U]":
        """Read a part of the value, or test it: `ref.pick(lambda review: review.patches[0])`.

        The lambda is run once, now, on a recorder; what it reads and compares is compiled to JMESPath.
        BuildError for what can't be data.
        """
        origin = self._readable("pick")
        expression = record(path, origin.expression)
        return Ref(expression.annotation, replace(origin, expression=expression))

    def query(self, expression: str, kind: type[U], /) -> "Ref[U]":
        """Read a part of the value by any JMESPath; that it gives a `kind` is taken on your word."""
        origin = self._readable("query")
        try:
            jmespath.compile(expression)
        except JMESPathError as error:
            raise BuildError(
                what=f"the query {expression!r} is no JMESPath",
                why=" ".join(str(error).split()),
                do="see jmespath.org, or .pick(...) a field",
            ) from error
        whole = origin.expression.select
        text = expression if whole is None else f"{whole} | {expression}"
        return Ref(kind, replace(origin, expression=Expression(kind, base=text)))

    def or_hole(self) -> "Ref[T_co | Hole]":
        """Let the reader run also when there is no such value: it then gets a `Hole` that says why."""
        if isinstance(self.origin, Fixed):
            return Ref(self.annotation, self.origin)
        return Ref(union(self.annotation, Hole), replace(self.origin, hole=True))

    def _readable(self, call: str) -> Origin:
        if isinstance(self.origin, Fixed):
            raise BuildError(
                what=f".{call}(...) on a constant",
                why="its value is known: Python can read it",
                do="make a const(...) of the part itself",
            )
        if self.origin.hole:
            raise BuildError(
                what=f".{call}(...) on {self}",
                why="a hole has no fields to read",
                do=f"first .{call}(...), then .or_hole()",
            )
        return self.origin

    def __bool__(self) -> NoReturn:
        """Refuse: there is no value yet that could be true."""
        raise BuildError(
            what=f"`if`, `and`, `or` or `not` on {self}",
            why="a pipeline is built before there is a value",
            do="use when= or unless= of a step",
        )

    def __str__(self) -> str:
        """Say what is read, and its type."""
        kind = describe(self.annotation)
        if isinstance(self.origin, Fixed):
            return f"const({self.origin.value!r}): {kind}"
        select = self.origin.expression.select
        return f"{self.origin.owner.name}.{self.origin.source}{f' [{select}]' if select else ''}: {kind}"

    __repr__ = __str__


def const(value: T, /) -> Ref[T]:
    """Make a ref of a value that is known now, a JSON value or a pydantic model, for any pipeline."""
    try:
        data = cast("JsonValue", to_jsonable_python(value, by_alias=True))
    except PydanticSerializationError as error:
        raise BuildError(
            what=f"const({value!r})",
            why=f"a compiled pipeline is JSON: {error}",
            do="give a JSON value or a pydantic model",
        ) from error
    try:
        canonical_json(data)  # which is what a pipeline's identity is made of
    except (ValueError, RecursionError) as error:
        raise BuildError(
            what=f"const(...) of a value of type {type(value).__name__}",
            why=f"a compiled pipeline is JSON: {error}",
            do="leave out NaN, infinities, lone surrogates and integers of thousands of digits",
        ) from error
    kind: type[Any] = type(value)
    return Ref(kind, Fixed(data))
