"""Plants bugs into the real code for a while: a piece of a function's or a script's text is exchanged for another.

Nothing in the package knows of it. The functions and scripts themselves are changed, so whoever has imported
them meets the bug. A plant whose text is no longer there raises Withered: the code has moved on, and so must it.
"""

# ruff: noqa: S102 - what is executed is our own text

import __future__

import hashlib
import inspect
import textwrap
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Final, cast

from argosy.broker.script import Script

_FLAGS: Final = __future__.annotations.compiler_flag
"""Annotations are not evaluated: some name what only type checkers import."""


class Withered(Exception):
    """The text that a plant exchanges is not in its target, or is there more than once."""


@dataclass(frozen=True)
class Edit:
    """`old` becomes `new` in a function (a method, a property) or in scripts."""

    target: Callable[..., Any] | property | Sequence[Script]
    old: str
    new: str


@contextmanager
def planted(edits: Iterable[Edit]) -> Generator[None]:
    """Have the bug while this is entered."""
    with ExitStack() as stack:
        for edit in edits:
            if isinstance(edit.target, Sequence):
                for script in cast("Iterable[Script]", edit.target):
                    stack.enter_context(_script(script, edit))
            else:
                stack.enter_context(_code(_function(edit.target), edit))
        yield


@contextmanager
def _script(script: Script, edit: Edit) -> Generator[None]:
    text, sha = script.text, script.sha
    script.text = _exchanged(text, edit, f"{script.name}.lua")
    script.sha = hashlib.sha1(script.text.encode(), usedforsecurity=False).hexdigest()
    try:
        yield
    finally:
        script.text, script.sha = text, sha


@contextmanager
def _code(function: FunctionType, edit: Edit) -> Generator[None]:
    code, name = function.__code__, function.__qualname__
    source = getattr(function, _EDITED, None) or inspect.getsource(function)
    edited = _exchanged(source, edit, name)
    made: dict[str, Any] = {}
    exec(
        compile(textwrap.dedent(edited), code.co_filename, "exec", _FLAGS, dont_inherit=True),
        function.__globals__,
        made,
    )
    new = _function(made[function.__name__]).__code__
    if new.co_freevars != code.co_freevars:
        message = f"{name} closes over {code.co_freevars}: a plant can't be put into it"
        raise Withered(message)
    before = getattr(function, _EDITED, None)
    function.__code__ = new
    setattr(function, _EDITED, edited)
    try:
        yield
    finally:
        function.__code__ = code
        setattr(function, _EDITED, before)


_EDITED: Final = "__edited__"
"""The source of a function that has a plant already: the next edit of the same bug is made in that."""


def _function(target: Any) -> FunctionType:  # noqa: ANN401 - whatever stands in a class
    plain = (
        target.fget if isinstance(target, property) else inspect.unwrap(getattr(target, "__func__", target))
    )
    if not isinstance(plain, FunctionType):
        message = f"{target!r} has no source to be edited"
        raise Withered(message)
    return plain


def _exchanged(text: str, edit: Edit, name: str) -> str:
    found = text.count(edit.old)
    if found != 1:
        message = (
            f"{name} says {edit.old!r} {found} times, not once: look at what became of it, and mend the plant"
        )
        raise Withered(message)
    return text.replace(edit.old, edit.new)
