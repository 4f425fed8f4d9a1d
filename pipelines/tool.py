"""Tools: typed async functions that an agent, or the model on its behalf, may call."""

from collections.abc import Callable, Coroutine, Mapping
from functools import update_wrapper
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypedDict, TypeVar, Unpack, overload

from argosy.pipelines.schema_table import tabulate
from argosy.pipelines.signature import read
from argosy.schemas.contract import JsonSchema
from argosy.schemas.errors import BuildError, InvalidInput
from argosy.schemas.ids import is_name

if TYPE_CHECKING:
    from pydantic import JsonValue

    from argosy.pipelines.port import Port

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class ToolOptions(TypedDict, total=False):
    """What a tool is, beside what it does."""

    name: str | None
    """Absent: the function's."""
    repeatable: bool
    """False: each call is a memo like `ctx.step`, and is not run again by a later attempt."""
    dangerous: bool
    """It sends something out or changes something: an agent with such a tool refuses tainted input by itself."""
    trusted: bool
    """Its results are our own words: they leave no taint."""


class Tool(Generic[P, R_co]):
    """A tool. Called directly, it runs the plain function; an agent says `ctx.tools.call(tool, ...)`."""

    def __init__(
        self,
        function: Callable[P, Coroutine[Any, Any, R_co]],
        *,
        name: str,
        repeatable: bool = True,
        dangerous: bool = False,
        trusted: bool = False,
    ) -> None:
        """Use the decorator `tool` instead."""
        if not is_name(name):
            raise BuildError(
                what=f"a tool named {name!r}",
                why="a name is a small letter, then up to 62 of a-z, 0-9, _ and -",
                do="pass name='...'",
            )
        found = read(function, kind="tool", name=name, context=False)
        self.name = name
        self.repeatable = repeatable
        """False: each call is a memo, since calling it twice would do something twice."""
        self.dangerous, self.trusted = dangerous, trusted
        self.function = function
        self.inputs: Mapping[str, Port[Any]] = found.inputs
        self.output: Port[Any] = found.output
        self.defaults: Mapping[str, object] = found.defaults
        self.description = (function.__doc__ or "").strip()
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Run the plain function."""
        return self.function(*args, **kwargs)

    def arguments(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> bytes:
        """Write the JSON of a call's arguments, by parameter. TypeError for a call that the function doesn't take."""
        given = signature(self.function).bind(*args, **kwargs).arguments
        pairs = (f'"{name}":'.encode() + self.inputs[name].encode(value) for name, value in given.items())
        return b"{" + b",".join(pairs) + b"}"

    def decode(self, given: "Mapping[str, JsonValue]") -> dict[str, Any]:
        """Make the function's arguments of JSON values, as a model says them. Raises InvalidInput."""
        missing = [name for name in self.inputs if name not in given and name not in self.defaults]
        unknown = [name for name in given if name not in self.inputs]
        if missing or unknown:
            raise InvalidInput(
                f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
            )
        return {name: self.inputs[name].decode(value, name=name) for name, value in given.items()}

    def schema(self) -> JsonSchema:
        """Describe the parameters as one JSON object, as model providers want it."""
        by_name, models = tabulate(
            [(name, port.adapter) for name, port in self.inputs.items()], under="$defs"
        )
        required = [name for name in self.inputs if name not in self.defaults]
        schema: JsonSchema = {
            "type": "object",
            "properties": {**by_name},
            "required": [*required],
            "additionalProperties": False,
        }
        return {**schema, "$defs": {**models}} if models else schema

    def __repr__(self) -> str:
        """Show the name."""
        return f"<tool {self.name}>"


@overload
def tool(function: Callable[P, Coroutine[Any, Any, R]], /) -> Tool[P, R]: ...
@overload
def tool(
    **options: Unpack[ToolOptions],
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Tool[P, R]]: ...
def tool(
    function: Callable[..., Coroutine[Any, Any, Any]] | None = None, /, **options: Unpack[ToolOptions]
) -> Any:
    """Make a tool of a typed async function.

    `repeatable=False`: each call is a memo like `ctx.step`, and is not run again by a later attempt. What a tool
    gives taints the results that are made of it, unless it is `trusted=True`; a `dangerous=True` one is not called
    on tainted input unless its agent says so. The function's docstring is what the model is told about it.
    """

    def decorate(plain: Callable[..., Coroutine[Any, Any, Any]]) -> Tool[..., Any]:
        return Tool(
            plain,
            name=options.get("name") or plain.__name__,
            repeatable=options.get("repeatable", True),
            dangerous=options.get("dangerous", False),
            trusted=options.get("trusted", False),
        )

    return decorate if function is None else decorate(function)
