"""The call that adds a map. Its type follows the join policy: what may be missing then is a Hole."""

from collections.abc import Sequence
from typing import Any, TypeVar, Unpack, overload

from argosy.pipelines.builder import Builder
from argosy.pipelines.join import AllOf, Partial
from argosy.pipelines.options import NodeOptions
from argosy.pipelines.ref import Ref
from argosy.pipelines.takes import Takes1, Takes2, Takes3, Takes4, TakesWhole
from argosy.schemas.hole import Hole

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
R = TypeVar("R")


class Maps(Builder):
    """What a pipeline inherits to have maps."""

    @overload
    def map(
        self,
        what: TakesWhole[A, R] | Takes1[A, R],
        /,
        *,
        over: Ref[Sequence[A]],
        max_parallel: int = 16,
        join: AllOf = ...,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R]]: ...
    @overload
    def map(
        self,
        what: TakesWhole[A, R] | Takes1[A, R],
        /,
        *,
        over: Ref[Sequence[A]],
        max_parallel: int = 16,
        join: Partial,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R | Hole]]: ...
    @overload
    def map(
        self,
        what: Takes2[A, B, R],
        /,
        *,
        over: Ref[Sequence[A]],
        sharing: Ref[B],
        max_parallel: int = 16,
        join: AllOf = ...,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R]]: ...
    @overload
    def map(
        self,
        what: Takes2[A, B, R],
        /,
        *,
        over: Ref[Sequence[A]],
        sharing: Ref[B],
        max_parallel: int = 16,
        join: Partial,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R | Hole]]: ...
    @overload
    def map(
        self,
        what: Takes3[A, B, C, R],
        /,
        *,
        over: Ref[Sequence[A]],
        sharing: tuple[Ref[B], Ref[C]],
        max_parallel: int = 16,
        join: AllOf = ...,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R]]: ...
    @overload
    def map(
        self,
        what: Takes3[A, B, C, R],
        /,
        *,
        over: Ref[Sequence[A]],
        sharing: tuple[Ref[B], Ref[C]],
        max_parallel: int = 16,
        join: Partial,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R | Hole]]: ...
    @overload
    def map(
        self,
        what: Takes4[A, B, C, D, R],
        /,
        *,
        over: Ref[Sequence[A]],
        sharing: tuple[Ref[B], Ref[C], Ref[D]],
        max_parallel: int = 16,
        join: AllOf = ...,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R]]: ...
    @overload
    def map(
        self,
        what: Takes4[A, B, C, D, R],
        /,
        *,
        over: Ref[Sequence[A]],
        sharing: tuple[Ref[B], Ref[C], Ref[D]],
        max_parallel: int = 16,
        join: Partial,
        **options: Unpack[NodeOptions],
    ) -> Ref[list[R | Hole]]: ...
    def map(
        self,
        what: Any,
        /,
        *,
        over: Ref[Any],
        sharing: Ref[Any] | tuple[Ref[Any], ...] = (),
        max_parallel: int = 16,
        join: AllOf | Partial | None = None,
        **options: Unpack[NodeOptions],
    ) -> Ref[Any]:
        """Run an agent, or a pipeline, on each item of a list, at most `max_parallel` at once.

        `over` feeds the first input, `sharing` the others: the same value to every shard. The result is a
        list in the order of the items. With `all_of` the first failed shard fails the map; with the other
        policies what is missing when the join fires is a hole.
        """
        shared: tuple[Ref[Any], ...] = (sharing,) if isinstance(sharing, Ref) else tuple(sharing)
        partial = join if isinstance(join, Partial) else None
        return self._add(what, (over, *shared), options, join=partial, max_parallel=max_parallel)
