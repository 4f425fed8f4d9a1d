"""The agent: a typed async function with its contract."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import update_wrapper
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypedDict, TypeVar, Unpack, overload

from pydantic_core import to_jsonable_python

from argosy.pipelines import terms
from argosy.pipelines.annotation import describe
from argosy.pipelines.capabilities import capabilities
from argosy.pipelines.context import Context
from argosy.pipelines.fit import fits
from argosy.pipelines.mcp import McpServer
from argosy.pipelines.signature import read
from argosy.pipelines.takes import Merge
from argosy.pipelines.tool import Tool
from argosy.schemas.contract import Above
from argosy.schemas.errors import BuildError, InvalidInput

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from argosy.pipelines.annotation import Annotation
    from argosy.pipelines.port import Given, Port
    from argosy.schemas.contract import Contract, JsonSchema

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class AgentOptions(TypedDict, total=False):
    """The contract, and the agent's tools; what is left out has the default of `terms.DEFAULTS`."""

    name: str
    model: str | None
    window: int | None
    reserve: int
    threshold: float
    above: Above
    page: str | None
    overlap: int
    weights: Mapping[str, int]
    tools: Sequence[Tool[..., Any] | McpServer]
    """All that it may call; what isn't listed is refused."""
    refuse_tainted: bool
    """Absent: True if one of the tools is dangerous."""
    concurrency: int
    timeout_seconds: float
    retries: int
    backoff_seconds: float
    max_deliveries: int
    version: str


class Agent(Generic[P, R_co]):
    """An agent. Awaited as `await agent(ctx, ...)`, it runs the plain function: so it is tested.

    `inputs` (by parameter, in order) and `output` are the codecs of its types; `defaults` holds the inputs
    that a step may leave out; `merge` makes one result of those of all pages. It never changes.
    """

    def __init__(
        self,
        function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R_co]],
        *,
        merge: "Agent[..., Any] | None",
        options: AgentOptions,
    ) -> None:
        """Use the decorator `agent` instead."""
        self.function = function
        self.name: str = options.get("name") or str(getattr(function, "__name__", ""))
        signature = read(function, kind="agent", name=self.name, context=True)
        self.inputs: Mapping[str, Port[Any]] = signature.inputs
        self.output: Port[Any] = signature.output
        self.defaults: Mapping[str, object] = signature.defaults
        self.tools: tuple[Tool[..., Any], ...] = capabilities(self.name, options.get("tools", ()))
        self.refuse_tainted: bool = options.get("refuse_tainted", any(tool.dangerous for tool in self.tools))
        """Whether content of strangers keeps the handler, or its dangerous tools, from running."""
        if merge is not None:
            _check_merge(self.name, merge, signature.output.annotation)
        self.merge = merge
        self.contract: Contract = terms.make_contract(
            self.name, {**options}, merge=merge.name if merge else None
        )
        terms.check(self.name, self.contract, signature)
        update_wrapper(self, function)

    def __call__(self, ctx: Context, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R_co]:
        """Run the plain function."""
        return self.function(ctx, *args, **kwargs)

    def decode(self, given: "Mapping[str, Given]") -> dict[str, Any]:
        """Make the handler's arguments of what a message brings; InvalidInput if something is wrong.

        An input that is not there and has a default is left to the function itself. Call the handler with
        `await agent.function(ctx, **arguments)`.
        """
        if given.keys() != self.inputs.keys():
            self._check(given)
        return {name: self.inputs[name].decode(value, name=name) for name, value in given.items()}

    def _check(self, given: "Mapping[str, Given]") -> None:
        missing = [name for name in self.inputs if name not in given and name not in self.defaults]
        unknown = [name for name in given if name not in self.inputs]
        if missing or unknown:
            message = f"agent {self.name!r} takes {', '.join(self.inputs)}; " + "; ".join(
                [f"{name!r} is missing" for name in missing] + [f"{name!r} is unknown" for name in unknown]
            )
            raise InvalidInput(message)

    def encode(self, result: object) -> bytes:
        """Make the JSON of a result; InvalidResult if it isn't what the agent declares."""
        return self.output.encode(result)

    def types(self) -> "list[tuple[str, TypeAdapter[Any]]]":
        """List the types of the agent by a key each, in order of use, for the table of a pipeline."""
        inputs = [(f"{self.name}({name}", port.adapter) for name, port in self.inputs.items()]
        return [*inputs, (f"{self.name})", self.output.adapter)]

    def describe(self, schemas: "Mapping[str, JsonSchema]") -> "tuple[dict[str, JsonSchema], JsonSchema]":
        """Pick this agent's inputs and output out of a table that was made of `types`."""
        inputs: dict[str, JsonSchema] = {}
        for name in self.inputs:
            inputs[name] = dict(schemas[f"{self.name}({name}"])
            if name in self.defaults:
                inputs[name]["default"] = to_jsonable_python(self.defaults[name], by_alias=True)
        return inputs, schemas[f"{self.name})"]

    def __repr__(self) -> str:
        """Show the name."""
        return f"<agent {self.name}>"


def _check_merge(name: str, merge: object, result: "Annotation") -> None:
    """Raise a BuildError for what can't make one result of the results of all pages."""
    do = f"pass merge=<an agent (ctx, list[{describe(result)}]) -> {describe(result)}>"
    if not isinstance(merge, Agent):
        raise BuildError(f"agent {name!r} has merge={merge!r}", "that is no agent", do)
    what = f"agent {name!r} has merge={merge.name}"
    first = next(iter(merge.inputs), None)
    if first is None:
        raise BuildError(what, "it takes no input", do)
    needs = [each for each in merge.inputs if each != first and each not in merge.defaults]
    if needs:
        raise BuildError(what, f"nothing gives it {', '.join(needs)}: it gets the results alone", do)
    takes, gives = merge.inputs[first].annotation, merge.output.annotation
    if not fits(GenericAlias(list, (result,)), takes):
        raise BuildError(what, f"it is given a list of {describe(result)}, and takes {describe(takes)}", do)
    if not fits(gives, result):
        raise BuildError(
            what, f"its result stands for {describe(result)}, and it gives {describe(gives)}", do
        )


@overload
def agent(function: Callable[Concatenate[Context, P], Coroutine[Any, Any, R]], /) -> Agent[P, R]: ...
@overload
def agent(
    *, merge: None = None, **options: Unpack[AgentOptions]
) -> Callable[[Callable[Concatenate[Context, P], Coroutine[Any, Any, R]]], Agent[P, R]]: ...
@overload
def agent(
    *, merge: Merge[R], **options: Unpack[AgentOptions]
) -> Callable[[Callable[Concatenate[Context, P], Coroutine[Any, Any, R]]], Agent[P, R]]: ...
def agent(
    function: Callable[..., Coroutine[Any, Any, Any]] | None = None,
    /,
    *,
    merge: Any = None,
    **options: Unpack[AgentOptions],
) -> Any:
    """Make an agent of `async def name(ctx: Context, ...) -> ...`, plainly or with its contract.

    The function's inputs and result are pydantic models or JSON types. BuildError, in this line, for a
    function or a contract that can't be right.
    """

    def decorate(plain: Callable[..., Coroutine[Any, Any, Any]]) -> Agent[..., Any]:
        return Agent(plain, merge=merge, options=options)

    return decorate if function is None else decorate(function)
