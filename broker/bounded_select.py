"""JMESPath with an end. An expression may be a stranger's, and a short one can ask for more than any machine has.

`[@,@]` said forty times in a row is a value of 2**40 parts, though it takes only forty lists until somebody writes it
down or compares it. So steps are counted, and whatever is made is measured as it would be written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, cast

import jmespath
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter
from pydantic import JsonValue

MOST_STEPS: Final = 500_000
"""Nodes of the expression that are evaluated, and items that are put together: a second or two."""
MOST_PARTS: Final = 250_000
"""Values in one another, of anything that is made on the way."""
_DEAR: Final = 4
"""Steps for what is made and measured."""
_CHARACTERS: Final = 16
"""So many of a text count as one part."""

_Node = Any
"""A node of the library's tree: `type`, `value`, `children`."""
_FUNCTIONS: Final = Functions()
_COPIES: Final = frozenset({"multi_select_list", "multi_select_dict"})
"""What may put one value in two places: without these, nothing that is made has more parts than the input."""
_MAKES: Final = _COPIES | {"flatten", "projection", "filter_projection", "value_projection", "slice"}


class TooMuch(ValueError):
    """The expression asks for more than is given to one."""


@dataclass(slots=True)
class Allowance:
    """What may still be done; shared by expressions that one message asks for together."""

    steps: int = MOST_STEPS


def search(expression: str, value: JsonValue, allowance: Allowance | None = None) -> JsonValue:
    """Apply an expression, in `MOST_STEPS` or what is allowed. Raises TooMuch, and what jmespath raises."""
    parsed, copies = _compiled(expression)
    return cast("JsonValue", _Bounded(allowance or Allowance(), copies=copies).visit(parsed, value))


@lru_cache(maxsize=4096)
def _compiled(expression: str) -> tuple[_Node, bool]:
    parsed: _Node = jmespath.compile(expression).parsed
    copies, todo = False, [parsed]
    while todo and not copies:
        node = todo.pop()
        copies = node["type"] in _COPIES
        todo += [child for child in node["children"] if isinstance(child, dict)]
    return parsed, copies


class _Bounded(TreeInterpreter):
    """Evaluates one expression once."""

    def __init__(self, allowance: Allowance, *, copies: bool) -> None:
        super().__init__()
        self._allowance, self._copies = allowance, copies
        self._known: dict[int, tuple[object, int]] = {}
        """Parts of lists and objects, which are kept beside: no other one can have their id."""

    def visit(self, node: _Node, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - as the library has it
        self._spend(1)
        found = super().visit(node, *args, **kwargs)
        return self._made(found) if node["type"] in _MAKES else found

    def visit_function_expression(self, node: _Node, value: object) -> Any:  # noqa: ANN401 - as the library has it
        given = [self.visit(child, value) for child in node["children"]]
        if node["value"] == "join" and len(given) == 2 and isinstance(given[0], str):  # noqa: PLR2004 - glue and parts
            self._spend(len(given[0]) * _length(given[1]) // _CHARACTERS)
        if self._copies:
            self._spend(sum(map(self._parts, given)))
        return self._made(_FUNCTIONS.call_function(node["value"], given))

    def visit_comparator(self, node: _Node, value: object) -> Any:  # noqa: ANN401 - as the library has it
        left, right = (self.visit(child, value) for child in node["children"])
        if self._copies:
            self._spend(min(self._parts(left), self._parts(right)))
        sides: _Node = [{"type": "literal", "value": side, "children": []} for side in (left, right)]
        compared: _Node = {"type": "comparator", "value": node["value"], "children": sides}
        return super().visit_comparator(compared, value)

    def _made(self, found: object) -> object:
        """Count what was put together, and see that nobody who goes through it would have no end."""
        self._spend(_DEAR + _length(found) // (_CHARACTERS if isinstance(found, str) else 1))
        if self._copies and self._parts(found) > MOST_PARTS:
            message = f"makes a value of more than {MOST_PARTS:,} parts"
            raise TooMuch(message)
        return found

    def _spend(self, steps: int) -> None:
        self._allowance.steps -= steps
        if self._allowance.steps < 0:
            message = "takes more steps than one expression, or those of one message together, may take"
            raise TooMuch(message)

    def _parts(self, value: object) -> int:
        """Count the values in one another, each as often as it would be written."""
        todo = [value]
        while todo:
            one = todo[-1]
            inner = _inner(one)
            if not inner or id(one) in self._known:
                todo.pop()
                continue
            unknown = [each for each in inner if _inner(each) and id(each) not in self._known]
            if unknown:
                todo += unknown
            else:
                self._known[id(one)] = one, 1 + sum(map(self._one, inner))
        return self._one(value)

    def _one(self, value: object) -> int:
        known = self._known.get(id(value))
        return known[1] if known is not None else 1 + _length(value) // _CHARACTERS


def _inner(value: object) -> Sequence[object]:
    if isinstance(value, list):
        return cast("list[object]", value)
    return list(cast("dict[str, object]", value).values()) if isinstance(value, dict) else ()


def _length(value: object) -> int:
    return len(cast("Sequence[object]", value)) if isinstance(value, str | list | dict) else 0
