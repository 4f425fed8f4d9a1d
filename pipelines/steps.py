"""The call that adds a step. Its overloads tie each ref to the type of the input that it feeds."""

from typing import Any, TypeVar, Unpack, overload

from argosy.pipelines.builder import Builder
from argosy.pipelines.join import Partial
from argosy.pipelines.options import StepOptions
from argosy.pipelines.ref import Ref
from argosy.pipelines.takes import Takes1, Takes2, Takes3, Takes4, Takes5, Takes6, TakesWhole

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
R = TypeVar("R")


class Steps(Builder):
    """What a pipeline inherits to have steps."""

    @overload
    def step(
        self, what: TakesWhole[A, R] | Takes1[A, R], a: Ref[A], /, **options: Unpack[StepOptions]
    ) -> Ref[R]: ...
    @overload
    def step(
        self, what: Takes2[A, B, R], a: Ref[A], b: Ref[B], /, **options: Unpack[StepOptions]
    ) -> Ref[R]: ...
    @overload
    def step(
        self, what: Takes3[A, B, C, R], a: Ref[A], b: Ref[B], c: Ref[C], /, **options: Unpack[StepOptions]
    ) -> Ref[R]: ...
    @overload
    def step(
        self,
        what: Takes4[A, B, C, D, R],
        a: Ref[A],
        b: Ref[B],
        c: Ref[C],
        d: Ref[D],
        /,
        **options: Unpack[StepOptions],
    ) -> Ref[R]: ...
    @overload
    def step(
        self,
        what: Takes5[A, B, C, D, E, R],
        a: Ref[A],
        b: Ref[B],
        c: Ref[C],
        d: Ref[D],
        e: Ref[E],
        /,
        **options: Unpack[StepOptions],
    ) -> Ref[R]: ...
    @overload
    def step(
        self,
        what: Takes6[A, B, C, D, E, F, R],
        a: Ref[A],
        b: Ref[B],
        c: Ref[C],
        d: Ref[D],
        e: Ref[E],
        f: Ref[F],
        /,
        **options: Unpack[StepOptions],
    ) -> Ref[R]: ...
    def step(self, what: Any, /, *refs: Ref[Any], **options: Unpack[StepOptions]) -> Ref[Any]:
        """Run an agent, or a pipeline, on one ref for each of its inputs, in their order.

        The step waits for all that it reads and for `after`. If one of these did not succeed it is skipped,
        unless the ref says `or_hole()`. `join` lets it go before all that may be holes have ended.
        """
        join = options.get("join")
        return self._add(what, refs, options, join=join if isinstance(join, Partial) else None)
