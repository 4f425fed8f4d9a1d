"""The calls that add steps which wait: for a signal, for somebody's approval, for a time."""

from collections.abc import Sequence
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from pydantic import JsonValue

from argosy.pipelines import wait
from argosy.pipelines.builder import Builder
from argosy.pipelines.node import Node
from argosy.pipelines.options import many
from argosy.pipelines.ref import Ref
from argosy.schemas.approval import Approval
from argosy.schemas.errors import BuildError

T = TypeVar("T")


class WaitOptions(TypedDict, total=False):
    """What decides whether, and when, a step begins to wait."""

    after: Sequence[Ref[object]]
    """Steps that are waited for without reading them."""
    when: Ref[bool] | Sequence[Ref[bool]]
    """All must be true, else the step is skipped."""
    unless: Ref[bool] | Sequence[Ref[bool]]
    """None may be true, else the step is skipped."""


class WaitLimits(WaitOptions, total=False):
    """What becomes of a step that waited for nothing."""

    on_timeout: Literal["fail", "hole"]
    """`fail`, if absent: the run fails. `hole`: the step has expired, and whoever reads it finds a hole."""


class Waits(Builder):
    """What a pipeline inherits to wait."""

    def signal(
        self,
        name: str,
        kind: type[T],
        /,
        *,
        within_seconds: float,
        **options: Unpack[WaitLimits],
    ) -> Ref[T]:
        """Wait for a signal to this step, which brings a value: `Run.signal(name, value)`, `argosy runs signal`.

        A value that doesn't fit is refused, and the step waits on. `within_seconds` count from when it begins to
        wait; then the run fails, or with `on_timeout="hole"` the step leaves a hole. One that is sent before is kept.
        """
        return self._wait(wait.signal(name, kind, _limits(within_seconds, options)), (), options)

    def approval(
        self,
        question: str,
        /,
        *,
        about: Ref[Any],
        name: str,
        within_seconds: float,
        by: Sequence[str] = (),
        **options: Unpack[WaitLimits],
    ) -> Ref[Approval]:
        """Wait until somebody approves a value, or rejects it: `Run.approve(name)`, `argosy runs approve`.

        Who answers names the SHA-256 of the value: an answer about another one doesn't count. A rejection is a value
        like any other: conditions read `approved`. `by` lists who may answer, as they call themselves.
        """
        who = _who(name, by)
        terms: dict[str, JsonValue] = {"question": question, "by": who, **_limits(within_seconds, options)}
        return self._wait(wait.approval(name, terms), (about,), options)

    def sleep(self, seconds: float, /, *, name: str, **options: Unpack[WaitOptions]) -> Ref[None]:
        """Wait for a time, from when `after` have ended. It has no value: name it in `after=` of another step."""
        return self._wait(wait.sleep(name, {"seconds": seconds}), (), options)

    def _wait(self, what: wait.Wait, refs: Sequence[Ref[Any]], options: WaitOptions) -> Ref[Any]:
        node = Node(
            what.name,
            what,
            dict(zip(what.inputs, refs, strict=True)),
            after=tuple(options.get("after", ())),
            when=many(options.get("when", ())),
            unless=many(options.get("unless", ())),
        )
        return self._declared(node)


def _who(name: str, by: Sequence[str]) -> list[JsonValue]:
    who: list[JsonValue] = [*by]
    if isinstance(by, str):
        why, do = "its letters would be a person each", f"give a list of names: by=[{by!r}]"
    elif not all(isinstance(one, str) and one.strip() for one in who):
        why, do = (
            "nobody is called that: no answer could count",
            "give names, like by=['ann'], or none: anybody may",
        )
    else:
        return who
    raise BuildError(what=f"approval {name!r} has by={by!r}", why=why, do=do)


def _limits(within_seconds: float, options: WaitLimits) -> dict[str, JsonValue]:
    return {"within_seconds": within_seconds, "on_timeout": options.get("on_timeout", "fail")}
