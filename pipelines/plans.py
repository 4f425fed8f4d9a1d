"""The call that adds a step whose agent plans: it returns tasks, and these are run."""

from collections.abc import Sequence
from typing import Any, TypeVar, Unpack, overload

from argosy.pipelines.agent import Agent
from argosy.pipelines.builder import Builder
from argosy.pipelines.node import Planning
from argosy.pipelines.options import NodeOptions
from argosy.pipelines.ref import Ref
from argosy.pipelines.takes import Takes1
from argosy.schemas.planning import Plan, PlanResult

A = TypeVar("A")
R = TypeVar("R")


class Plans(Builder):
    """What a pipeline inherits to have its agents plan."""

    @overload
    def plan(
        self,
        planner: Takes1[A, Plan],
        goal: Ref[A],
        /,
        *,
        agents: tuple[Agent[..., R], Agent[..., R]],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[PlanResult[R]]: ...
    @overload
    def plan(
        self,
        planner: Takes1[A, Plan],
        goal: Ref[A],
        /,
        *,
        agents: tuple[Agent[..., R], Agent[..., R], Agent[..., R]],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[PlanResult[R]]: ...
    @overload
    def plan(
        self,
        planner: Takes1[A, Plan],
        goal: Ref[A],
        /,
        *,
        agents: tuple[Agent[..., R], Agent[..., R], Agent[..., R], Agent[..., R]],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[PlanResult[R]]: ...
    @overload
    def plan(
        self,
        planner: Takes1[A, Plan],
        goal: Ref[A],
        /,
        *,
        agents: tuple[Agent[..., R], Agent[..., R], Agent[..., R], Agent[..., R], Agent[..., R]],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[PlanResult[R]]: ...
    @overload
    def plan(
        self,
        planner: Takes1[A, Plan],
        goal: Ref[A],
        /,
        *,
        agents: tuple[
            Agent[..., R], Agent[..., R], Agent[..., R], Agent[..., R], Agent[..., R], Agent[..., R]
        ],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[PlanResult[R]]: ...
    @overload
    def plan(
        self,
        planner: Takes1[A, Plan],
        goal: Ref[A],
        /,
        *,
        agents: Sequence[Agent[..., R]],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[PlanResult[R]]: ...
    def plan(  # noqa: PLR0913 - what a plan may have
        self,
        planner: Any,
        goal: Ref[Any],
        /,
        *,
        agents: Sequence[Agent[..., Any]],
        max_tasks: int,
        max_depth: int = 1,
        max_parallel: int = 16,
        **options: Unpack[NodeOptions],
    ) -> Ref[Any]:
        """Run an agent that returns a `Plan`, then its tasks; give what these gave, by key.

        Each task is for one of `agents`: at most `max_tasks`, `max_parallel` of them at once. (Pass different agents as
        a tuple: of a list mypy doesn't see what they all give.) A plan that names other agents, feeds them what they
        don't take, or waits for itself, is a failed attempt of the planner (`bad_plan`), and is tried again like any.
        A task that fails fails nothing but those that wait for it: who reads the result finds holes. `max_depth` is 1:
        planned tasks plan nothing.
        """
        planning = Planning(tuple(agents), max_tasks, max_parallel, max_depth)
        return self._add(planner, (goal,), options, join=None, planning=planning)
