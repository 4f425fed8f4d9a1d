"""What the calls that add steps have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, cast

from argosy.pipelines.agent import Agent
from argosy.pipelines.expression import Expression
from argosy.pipelines.join import Partial
from argosy.pipelines.node import Node, Planning, Rounds, Whole, feed
from argosy.pipelines.options import NodeOptions, many
from argosy.pipelines.ref import Origin, Ref
from argosy.schemas.errors import BuildError


class Builder:
    """Something that steps can be added to."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The pipeline's name."""

    @abstractmethod
    def _append(self, node: Node) -> None: ...

    def _add(  # noqa: PLR0913 - what a step, a map or a loop may have
        self,
        what: object,
        refs: Sequence[Ref[Any]],
        options: NodeOptions,
        *,
        join: Partial | None,
        max_parallel: int | None = None,
        rounds: Rounds | None = None,
        planning: Planning | None = None,
    ) -> Ref[Any]:
        runs = _runnable(what, self.name)
        name = options.get("name", runs.name)
        node = Node(
            name=name,
            runs=runs,
            inputs=feed(name, runs, refs),
            after=tuple(options.get("after", ())),
            when=many(options.get("when", ())),
            unless=many(options.get("unless", ())),
            join=join,
            deadline_seconds=options.get("deadline_seconds"),
            max_parallel=max_parallel,
            rounds=rounds,
            planning=planning,
        )
        return self._declared(node)

    def _declared(self, node: Node) -> Ref[Any]:
        self._append(node)
        return Ref(node.result, Origin(self, node.name, Expression(node.result)))


def _runnable(what: object, pipeline: str) -> Agent[..., Any] | Whole:
    if isinstance(what, Agent | Builder):
        return cast("Agent[..., Any] | Whole", what)
    name = getattr(what, "__name__", repr(what))
    raise BuildError(
        what=f"a step of {pipeline!r} runs {name!r}",
        why="a step runs an agent or a pipeline",
        do=f"write @agent above `async def {name}(ctx: Context, ...)`",
    )
