"""Answering wants: what fold must read of a value that itself may lie in the payload store.

Used by whoever has the value in hand: the worker with a result, the receiver with a run's input.
"""

from collections.abc import Sequence
from typing import Final, assert_never

from jmespath.exceptions import JMESPathError
from pydantic import JsonValue, TypeAdapter

from argosy.broker.bounded_select import MOST_STEPS, Allowance, search
from argosy.broker.store import Payloads
from argosy.broker.values import CountTokens, count, encode_value, model_text, to_manifest, to_payload
from argosy.schemas.errors import FactsTooLarge, InvalidInput
from argosy.schemas.facts import FACTS_BYTES, Fact, Facts, ListFact, NoFact, SizeFact, ValueFact, Want
from argosy.schemas.hole import Hole
from argosy.schemas.late import LATE

_FACTS: Final = TypeAdapter(Facts, config=LATE)
_MESSAGES_WORTH: Final = 4
"""All that is asked of one value together may take as long as so many expressions."""


def select(expression: str | None, value: JsonValue, allowance: Allowance | None = None) -> JsonValue:
    """Apply JMESPath, within an allowance; None gives the whole value.

    Raises InvalidInput that shows the expression, not the value.
    """
    if expression is None:
        return value
    try:
        return search(expression, value, allowance)
    except (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        message = f"{expression[:200]!r} can't be selected: {str(error)[:200]}"
        raise InvalidInput(message) from None


async def answer(
    value: JsonValue, wants: Sequence[Want], count_tokens: CountTokens, payloads: Payloads
) -> Facts:
    """Answer every want, in order; one that can't be answered gets a NoFact. Idempotent.

    Raises FactsTooLarge if the answers are over 64 KiB together, Unreachable if the payload store is away.
    """
    allowance = Allowance(_MESSAGES_WORTH * MOST_STEPS)
    facts: Facts = {want.key: await _answer(value, want, count_tokens, payloads, allowance) for want in wants}
    size = len(_FACTS.dump_json(facts)) if facts else 0
    if size > FACTS_BYTES:
        message = (
            f"what the coordinator must read of this value is {size} bytes, at most {FACTS_BYTES} may be: "
            "select less in `when`, `unless` and picks, or map over a shorter list"
        )
        raise FactsTooLarge(message)
    return facts


async def _answer(
    value: JsonValue, want: Want, count_tokens: CountTokens, payloads: Payloads, allowance: Allowance
) -> Fact:
    try:
        found = select(want.select, value, allowance)
        match want.kind:
            case "value":
                return ValueFact(kind="value", value=_with_holes_as_json(found))
            case "size":
                data = encode_value(found)
                return SizeFact(
                    kind="size", bytes=len(data), tokens=await count(model_text(found, data), count_tokens)
                )
            case "list":
                return await _list(found, count_tokens, payloads)
            case _:
                assert_never(want.kind)
    except (InvalidInput, ValueError) as error:
        return NoFact(kind="none", reason=str(error)[:500])


async def _list(found: JsonValue, count_tokens: CountTokens, payloads: Payloads) -> Fact:
    if not isinstance(found, list):
        return NoFact(kind="none", reason=f"is {_json_type(found)}, not a list")
    there: Sequence[JsonValue | Hole] = found
    hole = next((number for number, item in enumerate(there) if isinstance(item, Hole)), None)
    if hole is not None:
        return NoFact(
            kind="none", reason=f"its item {hole} is a hole: select those that are there, as in [?field]"
        )
    items = [await to_payload(encode_value(item), count_tokens, payloads) for item in found]
    return ListFact(
        kind="list",
        length=len(items),
        most_tokens=max((item.tokens for item in items), default=0),
        manifest=await to_manifest(items, payloads),
    )


def _with_holes_as_json(value: JsonValue | Hole) -> JsonValue:
    """Give the fields of holes in what was selected of a map's list: who declares `list[R | Hole]` reads those."""
    match value:
        case Hole():
            return value.model_dump(mode="json")
        case list():
            return [_with_holes_as_json(item) for item in value]
        case dict():
            return {name: _with_holes_as_json(item) for name, item in value.items()}
        case _:
            return value


def _json_type(value: JsonValue) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "an object"
