"""The pipeline that an author writes: steps that read refs of other steps."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from argosy.pipelines.agent import Agent
from argosy.pipelines.draft import Draft
from argosy.pipelines.expression import Expression
from argosy.pipelines.loops import Loops
from argosy.pipelines.maps import Maps
from argosy.pipelines.node import Node
from argosy.pipelines.plans import Plans
from argosy.pipelines.port import Port
from argosy.pipelines.ref import Origin, Ref
from argosy.pipelines.steps import Steps
from argosy.pipelines.waits import Waits
from argosy.schemas.edges import INPUT
from argosy.schemas.pipeline import CompiledPipeline

In = TypeVar("In")
Out = TypeVar("Out")


class Pipeline(Steps, Maps, Loops, Plans, Waits, Generic[In, Out]):
    """A named, versioned DAG of steps from an input of type `takes` to a result of type `gives`.

    Building it runs nothing. `compile()` gives the data that a run is folded by. Each call raises a
    BuildError in its own line for what is wrong there; `compile()` for what only the whole DAG shows.
    """

    def __init__(
        self,
        name: str,
        *,
        version: str = "1",
        takes: type[In],
        gives: type[Out],
        deadline_seconds: float | None = None,
    ) -> None:
        """Start one. `deadline_seconds` of a run, from its submit; None: the fleet's longest run."""
        self._draft = Draft(name, version, takes, gives, deadline_seconds)
        self.input: Ref[In] = Ref(takes, Origin(self, INPUT, Expression(takes)))

    @property
    def name(self) -> str:
        """The name."""
        return self._draft.name

    @property
    def version(self) -> str:
        """The version: two pipelines of one name and version must be the same."""
        return self._draft.version

    @property
    def takes(self) -> Port[In]:
        """The codec of a run's input."""
        return self._draft.takes

    @property
    def gives(self) -> Port[Out]:
        """The codec of a run's result."""
        return self._draft.gives

    @property
    def inputs(self) -> Mapping[str, Port[Any]]:
        """The one input, as a step feeds it that runs this pipeline."""
        return {INPUT: self._draft.takes}

    @property
    def defaults(self) -> Mapping[str, object]:
        """Nothing may be left out."""
        return {}

    @property
    def output(self) -> Port[Out]:
        """The result, as of a step that runs this pipeline."""
        return self._draft.gives

    def revision(self) -> int:
        """Count the changes, also those of pipelines inside."""
        return self._draft.revision()

    def agents(self) -> Mapping[str, Agent[..., Any]]:
        """Give all agents that its runs need, by name: also those of pipelines inside, and of `merge=`."""
        return self._draft.agents()

    def _append(self, node: Node) -> None:
        self._draft.add(node, self)

    def returns(self, ref: Ref[Out], /) -> None:
        """Say what the result of a run is; once."""
        self._draft.returns(ref, self)

    def compile(self) -> CompiledPipeline:
        """Give the pipeline as data, checked as a whole. The same until a step is added."""
        return self._draft.compile()

    def __str__(self) -> str:
        """Give the compiled pipeline's JSON."""
        return self.compile().model_dump_json()

    def __repr__(self) -> str:
        """Show name and version."""
        return f"<pipeline {self.name}@{self.version}>"
