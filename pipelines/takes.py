"""What a step accepts for its agent: by structure, so that an agent with defaulted inputs fits too.

Not `Agent[[A], R]`: pyright treats the ParamSpec of a class as invariant, and would refuse such agents. A
plain function has no `contract`, and is refused.
"""

from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from argosy.pipelines.context import Context
from argosy.pipelines.port import Port
from argosy.schemas.contract import Contract

A_contra = TypeVar("A_contra", contravariant=True)
B_contra = TypeVar("B_contra", contravariant=True)
C_contra = TypeVar("C_contra", contravariant=True)
D_contra = TypeVar("D_contra", contravariant=True)
E_contra = TypeVar("E_contra", contravariant=True)
F_contra = TypeVar("F_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
In = TypeVar("In")
Out = TypeVar("Out")
M = TypeVar("M")
T = TypeVar("T")

_Coming = Coroutine[Any, Any, T]


class _Contracted(Protocol):
    @property
    def contract(self) -> Contract: ...


class Takes1(_Contracted, Protocol[A_contra, R_co]):
    """An agent that can be called with one input."""

    def __call__(self, ctx: Context, a: A_contra, /) -> _Coming[R_co]:
        """Run the plain function."""
        ...


class Takes2(_Contracted, Protocol[A_contra, B_contra, R_co]):
    """An agent that can be called with two inputs."""

    def __call__(self, ctx: Context, a: A_contra, b: B_contra, /) -> _Coming[R_co]:
        """Run the plain function."""
        ...


class Takes3(_Contracted, Protocol[A_contra, B_contra, C_contra, R_co]):
    """An agent that can be called with three inputs."""

    def __call__(self, ctx: Context, a: A_contra, b: B_contra, c: C_contra, /) -> _Coming[R_co]:
        """Run the plain function."""
        ...


class Takes4(_Contracted, Protocol[A_contra, B_contra, C_contra, D_contra, R_co]):
    """An agent that can be called with four inputs."""

    def __call__(self, ctx: Context, a: A_contra, b: B_contra, c: C_contra, d: D_contra, /) -> _Coming[R_co]:
        """Run the plain function."""
        ...


class Takes5(_Contracted, Protocol[A_contra, B_contra, C_contra, D_contra, E_contra, R_co]):
    """An agent that can be called with five inputs."""

    def __call__(  # noqa: PLR0913, PLR0917 - as many as a step feeds
        self, ctx: Context, a: A_contra, b: B_contra, c: C_contra, d: D_contra, e: E_contra, /
    ) -> _Coming[R_co]:
        """Run the plain function."""
        ...


class Takes6(_Contracted, Protocol[A_contra, B_contra, C_contra, D_contra, E_contra, F_contra, R_co]):
    """An agent that can be called with six inputs."""

    def __call__(  # noqa: PLR0913, PLR0917 - as many as a step feeds
        self, ctx: Context, a: A_contra, b: B_contra, c: C_contra, d: D_contra, e: E_contra, f: F_contra, /
    ) -> _Coming[R_co]:
        """Run the plain function."""
        ...


class TakesWhole(Protocol[In, Out]):
    """A pipeline, which takes one input."""

    @property
    def takes(self) -> Port[In]:
        """The codec of its input."""
        ...

    @property
    def gives(self) -> Port[Out]:
        """The codec of its result."""
        ...


class Merge(_Contracted, Protocol[M]):
    """An agent that makes one result of the results of all pages."""

    def __call__(self, ctx: Context, results: list[M], /) -> Coroutine[Any, Any, M]:
        """Run the plain function."""
        ...
