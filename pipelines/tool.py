"""Tools: typed async functions that an agent, or the model on its behalf, may call."""

from collections.abc import Callable, Coroutine, Mapping
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from argosy.pipelines.schema_table import tabulate
from argosy.pipelines.signature import read
from argosy.schemas.contract import JsonSchema
from argosy.schemas.errors import BuildError
from argosy.schemas.ids import is_name

if TYPE_CHECKING:
    from argosy.pipelines.port import Port

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Tool(Generic[P, R_co]):
    """A tool. Called directly, it runs the plain function; an agent says `ctx.tools.call(tool, ...)`."""

    def __init__(
        self, function: Callable[P, Coroutine[Any, Any, R_co]], *, name: str, repeatable: bool
    ) -> None:
        """Use the decorator `tool` instead."""
        if not is_name(name):
            raise BuildError(
                what=f"a tool named {name!r}",
                why="a name is a small letter, then up to 62 of a-z, 0-9, _ and -",
                do="pass name='...'",
            )
        signature = read(function, kind="tool", name=name, context=False)
        self.name = name
        self.repeatable = repeatable
        """False: each call is a memo, since calling it twice would do something twice."""
        self.function = function
        self.inputs: Mapping[str, Port[Any]] = signature.inputs
        self.output: Port[Any] = signature.output
        self.defaults: Mapping[str, object] = signature.defaults
        self.description = (function.__doc__ or "").strip()
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Run the plain function."""
        return self.function(*args, **kwargs)

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
    *, name: str | None = None, repeatable: bool = True
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Tool[P, R]]: ...
def tool(
    function: Callable[..., Coroutine[Any, Any, Any]] | None = None,
    /,
    *,
    name: str | None = None,
    repeatable: bool = True,
) -> Any:
    """Make a tool of a typed async function.

    `repeatable=False`: each call is a memo like `ctx.step`, and is not run again by a later attempt. The
    function's docstring is what the model is told about it.
    """

    def decorate(plain: Callable[..., Coroutine[Any, Any, Any]]) -> Tool[..., Any]:
        return Tool(plain, name=name or plain.__name__, repeatable=repeatable)

    return decorate if function is None else decorate(function)
