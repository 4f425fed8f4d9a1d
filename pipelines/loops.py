"""The call that adds a loop. What is fed back is of one type: what an iteration is given, and what it gives."""

from collections.abc import Callable
from typing import Any, TypeVar, Unpack, overload

from argosy.pipelines.builder import Builder
from argosy.pipelines.node import Rounds
from argosy.pipelines.options import NodeOptions
from argosy.pipelines.ref import Ref
from argosy.pipelines.takes import Takes1, Takes2, Takes3, Takes4, TakesWhole
from argosy.schemas.pipeline import Exhausted

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


class Loops(Builder):
    """What a pipeline inherits to have loops."""

    @overload
    def loop(
        self,
        what: TakesWhole[A, A] | Takes1[A, A],
        start: Ref[A],
        /,
        *,
        until: Callable[[A], bool],
        max_iterations: int,
        exhausted: Exhausted = "fail",
        **options: Unpack[NodeOptions],
    ) -> Ref[A]: ...
    @overload
    def loop(
        self,
        what: Takes2[A, B, A],
        start: Ref[A],
        /,
        *,
        sharing: Ref[B],
        until: Callable[[A], bool],
        max_iterations: int,
        exhausted: Exhausted = "fail",
        **options: Unpack[NodeOptions],
    ) -> Ref[A]: ...
    @overload
    def loop(
        self,
        what: Takes3[A, B, C, A],
        start: Ref[A],
        /,
        *,
        sharing: tuple[Ref[B], Ref[C]],
        until: Callable[[A], bool],
        max_iterations: int,
        exhausted: Exhausted = "fail",
        **options: Unpack[NodeOptions],
    ) -> Ref[A]: ...
    @overload
    def loop(
        self,
        what: Takes4[A, B, C, D, A],
        start: Ref[A],
        /,
        *,
        sharing: tuple[Ref[B], Ref[C], Ref[D]],
        until: Callable[[A], bool],
        max_iterations: int,
        exhausted: Exhausted = "fail",
        **options: Unpack[NodeOptions],
    ) -> Ref[A]: ...
    def loop(  # noqa: PLR0913 - what a loop may have
        self,
        what: Any,
        start: Ref[Any],
        /,
        *,
        sharing: Ref[Any] | tuple[Ref[Any], ...] = (),
        until: Callable[[Any], bool],
        max_iterations: int,
        exhausted: Exhausted = "fail",
        **options: Unpack[NodeOptions],
    ) -> Ref[Any]:
        """Run an agent, or a pipeline, again and again, each time on what it gave the time before.

        `start` is what the first iteration is given; `sharing` feeds the other inputs of an agent, the same each time.
        After each iteration `until`, a lambda as in `pick`, is judged on its result: the first one of which it is true
        is the last, and its result is the loop's. After `max_iterations` without that the step has failed
        (`loop_exhausted`); with `exhausted="last"` it gives the last result. An iteration that fails fails the loop.
        """
        shared: tuple[Ref[Any], ...] = (sharing,) if isinstance(sharing, Ref) else tuple(sharing)
        rounds = Rounds(until, max_iterations, exhausted)
        return self._add(what, (start, *shared), options, join=None, rounds=rounds)
