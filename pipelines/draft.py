"""A pipeline while it is being written: what was declared so far, and what of it can't be."""

from typing import Any

from argosy.pipelines import compile as compiler
from argosy.pipelines import wiring
from argosy.pipelines.agent import Agent
from argosy.pipelines.annotation import Annotation, describe
from argosy.pipelines.fit import fits
from argosy.pipelines.node import Node
from argosy.pipelines.port import Port, adapter_of, port_of
from argosy.pipelines.ref import Fixed, Owner, Ref
from argosy.pipelines.terms import check_name
from argosy.pipelines.wait import Wait
from argosy.schemas.contract_checks import two_agents_named
from argosy.schemas.edges import INPUT
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.pipeline_checks import (
    reserved_name,
    returns_nothing,
    two_steps_named,
)


class Draft:
    """The declared parts of one pipeline."""

    def __init__(
        self, name: str, version: str, takes: Annotation, gives: Annotation, deadline_seconds: float | None
    ) -> None:
        """Start with nothing but its input."""
        check_name(name, kind="a pipeline")
        self.name = name
        self.version = version
        self.takes: Port[Any] = _port(name, "takes", takes)
        self.gives: Port[Any] = _port(name, "gives", gives)
        self.deadline_seconds = deadline_seconds
        self.nodes: dict[str, Node] = {}
        self.result: Ref[Any] | None = None
        self._changes = 0
        self._compiled: tuple[int, CompiledPipeline] | None = None

    def add(self, node: Node, owner: Owner) -> None:
        """Take in a step; BuildError for what is wrong with it."""
        check_name(node.name, kind="a step")
        if node.name == INPUT:
            raise reserved_name(node.name, self.name)
        if node.name in self.nodes:
            raise two_steps_named(node.name, self.name)
        wiring.check(node, owner)
        self._check_agents(node)
        self.nodes[node.name] = node
        self._changes += 1

    def returns(self, ref: Ref[Any], owner: Owner) -> None:
        """Take in the result; BuildError if it can't be one, or if there is one."""
        if self.result is not None:
            raise BuildError(
                what=f"{self.name!r} returns twice",
                why="a run ends with one result",
                do="make one step of both results, and return that",
            )
        wiring.check_owner(ref, owner)
        if isinstance(ref.origin, Fixed) or ref.origin.source == INPUT:
            raise BuildError(
                what=f"{self.name!r} returns {ref}",
                why="a run's result is what its steps make",
                do="return the ref of a step",
            )
        if ref.origin.hole or not fits(ref.annotation, self.gives.annotation):
            raise BuildError(
                what=f"{self.name!r} returns {describe(ref.annotation)}",
                why=f"it gives {self.gives}",
                do="return another ref, .pick(...) the field that fits, or change gives=",
            )
        self.result = ref
        self._changes += 1

    def compile(self) -> CompiledPipeline:
        """Give the whole as data; the same object until something changes."""
        revision = self.revision()
        if self._compiled is None or self._compiled[0] != revision:
            self._compiled = (revision, self._compile())
        return self._compiled[1]

    def _compile(self) -> CompiledPipeline:
        if self.result is None:
            raise returns_nothing(self.name)
        return compiler.compile_whole(
            compiler.Head(self.name, self.version, self.takes, self.gives, self.deadline_seconds),
            nodes=tuple(self.nodes.values()),
            result=self.result,
        )

    def revision(self) -> int:
        """Count the changes, also those of pipelines inside."""
        inside = (node.runs for node in self.nodes.values() if not isinstance(node.runs, Agent | Wait))
        return self._changes + sum(child.revision() for child in inside)

    def agents(self) -> dict[str, Agent[..., Any]]:
        """Collect the agents of all steps, of pipelines inside, and of `merge=`, in order of use."""
        return {
            agent.name: agent for node in self.nodes.values() for agent in compiler.agents_of(node).values()
        }

    def _check_agents(self, node: Node) -> None:
        known = self.agents()
        for name, agent in compiler.agents_of(node).items():
            if known.get(name, agent) is not agent:
                raise two_agents_named(name, self.name)


def _port(name: str, option: str, annotation: Annotation) -> Port[Any]:
    adapter = adapter_of(
        annotation,
        what=f"{name!r} has {option}={describe(annotation)}",
        why="inputs and results are checked and described by JSON Schema",
        do="pass a pydantic model or a JSON type",
    )
    return port_of(annotation, adapter)
