"""Reading an author's async function: which inputs it takes, what it gives, and what is wrong with it."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from argosy.pipelines.annotation import signature_of
from argosy.pipelines.port import Port, adapter_of, port_of
from argosy.schemas.errors import BuildError

_NO_TYPE = "inputs and results are checked and described by JSON Schema"


@dataclass(frozen=True, slots=True)
class Signature:
    """The typed inputs and the output of a function, in order, without its context."""

    inputs: Mapping[str, Port[Any]]
    output: Port[Any]
    defaults: Mapping[str, object]
    """Of the inputs that a caller may leave out."""


def read(function: object, *, kind: str, name: str, context: bool) -> Signature:
    """Read a function's signature; BuildError for one that can't be a `kind` ('agent' or 'tool')."""
    what = f"{kind} {name!r}"
    if not inspect.iscoroutinefunction(function):
        raise BuildError(
            what=f"{what} is not async",
            why="a worker runs many tasks at once on one loop",
            do=f"write `async def {name}({'ctx: Context, ...' if context else '...'})`",
        )
    try:
        signature = signature_of(function)
    except NameError as error:
        raise BuildError(
            what=f"{what} has a type that can't be found: {error}",
            why=_NO_TYPE,
            do="define or import it at the top of the module, not under TYPE_CHECKING or in a function",
        ) from error
    parameters = list(signature.parameters.values())
    if context:
        _check_context(parameters, what=what, name=name)
        parameters = parameters[1:]
    for parameter in parameters:
        _check_kind(parameter, what=what)
    return Signature(
        inputs={p.name: _port(p.annotation, what=what, part=p.name) for p in parameters},
        output=_port(signature.return_annotation, what=what, part="return"),
        defaults={p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty},
    )


def _check_context(parameters: list[inspect.Parameter], *, what: str, name: str) -> None:
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) > 1 and parameters[0].kind in positional:
        return
    raise BuildError(
        what=f"{what} takes {'no input' if parameters else 'nothing'}",
        why="an agent is called with its context, then with one value for each of its inputs",
        do=f"write `async def {name}(ctx: Context, ...)`",
    )


def _check_kind(parameter: inspect.Parameter, *, what: str) -> None:
    if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
        raise BuildError(
            what=f"{what} takes {parameter.name!r} by position only",
            why="a worker passes each input by its name, as it stands in the compiled pipeline",
            do="take the `/` out of the parameters",
        )
    if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        raise BuildError(
            what=f"{what} takes any number of inputs ({parameter})",
            why="each input has a name and a type of its own in the compiled pipeline",
            do="name them one by one, or take a list",
        )


def _port(annotation: object, *, what: str, part: str) -> Port[Any]:
    is_result = part == "return"
    shown = "its result" if is_result else f"{part!r}"
    do = f"annotate {shown} with a pydantic model or a JSON type"
    if annotation is inspect.Parameter.empty:
        raise BuildError(what=f"{what} has no type for {shown}", why=_NO_TYPE, do=do)
    adapter = adapter_of(annotation, what=f"{what} has no JSON type for {shown}", why=_NO_TYPE, do=do)
    return port_of(cast("Any", annotation), adapter)
