"""Planning pages, and reading one: which text or list of a task's inputs is cut, and where. Pure."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, NamedTuple, cast

from pydantic import JsonValue

from argosy.agents.paging import MOST_OVERLAP_PER_MILLE, paginate
from argosy.agents.ruler import CountTokens
from argosy.broker.values import encode_value
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.contract import Contract
from argosy.schemas.errors import ContextRefused, InvalidInput
from argosy.schemas.neighbours import together
from argosy.schemas.pages import PagePlan, PageRange, Path, Reduction

LEAST_PER_MILLE: Final = 125
"""Of the room: what must be left for a page beside what goes whole with it. Less makes pages without end."""
_ITEM_TOKENS: Final = 2
"""What an item takes in a list, beside its own tokens."""

_NOTHING: Final = PageRange(start=0, own=0, end=0, tokens=0)


class Target(NamedTuple):
    """What is cut."""

    input: str
    path: Path
    value: str | list[JsonValue]


def plan_pages(
    given: Mapping[str, JsonValue], contract: Contract, room: int, count: CountTokens, factor: int = 1000
) -> PagePlan:
    """Plan the pages of a task's inputs, which may have `room` tokens together in each of its pages.

    `factor` is for the record alone: what the model makes of our tokens, per mille.

    Raises ContextRefused if nothing can be cut, or too little room is left beside what goes whole.
    """
    tokens = {name: tokens_in(value, count) for name, value in given.items()}
    target = _declared(given, contract.page) or _largest(given, tokens, count)
    # Counted without what is cut, never as a difference: in JSON a text has more tokens than by itself.
    beside = _with_page(given[target.input], target.path, _NOTHING)
    rest = sum(tokens.values()) - tokens[target.input] + tokens_in(beside, count)
    limit = room - rest
    if limit * 1000 < room * LEAST_PER_MILLE or limit < 1:
        message = (
            f"{'.'.join((target.input, *map(str, target.path)))} is to be cut into pages, and what goes with "
        )
        message += f"each of them has {rest} tokens: there is room for {room}"
        raise ContextRefused(message, tokens=sum(tokens.values()), room=room)
    overlap = 0
    if isinstance(target.value, str):
        overlap = min(contract.overlap, limit * MOST_OVERLAP_PER_MILLE // 1000)
    pages = _cut(target.value, limit, overlap, count)
    sha256 = sha256_hex(encode_value(given[target.input]))
    record = Reduction(
        method="paginate",
        input=target.input,
        path=target.path,
        sha256=sha256,
        before=tokens[target.input],
        after=max((page.tokens for page in pages), default=0),
        pages=len(pages),
        limit=limit,
        factor=factor,
        overlap=overlap,
    )
    return PagePlan(
        input=target.input,
        path=target.path,
        sha256=sha256,
        tokens=sum(tokens.values()),
        limit=limit,
        pages=pages,
        records=(record,),
    )


def _cut(value: str | list[JsonValue], limit: int, overlap: int, count: CountTokens) -> tuple[PageRange, ...]:
    if isinstance(value, str):
        return tuple(
            PageRange(start=p.start, own=p.own, end=p.end, tokens=p.tokens)
            for p in paginate(value, limit, count, overlap=overlap)
        )
    groups = together([tokens_in(item, count) for item in value], limit, each=_ITEM_TOKENS)
    return tuple(PageRange(start=g.first, own=g.first, end=g.past, tokens=g.tokens) for g in groups)


class Shown(NamedTuple):
    """A value with one page of what is cut in it."""

    value: JsonValue
    over: int | None
    """Tokens of a page that is known to be too large: one item of a list, which is to be cut in turn."""


def page_of(value: JsonValue, plan: PagePlan, number: int) -> Shown:
    """Give a value with one page of what its plan cuts. Raises InvalidInput for a plan that doesn't fit it."""
    if not 0 <= number < len(plan.pages):
        message = f"page {number} of a plan that has none of this number"
        raise InvalidInput(message)
    page = plan.pages[number]
    return Shown(_with_page(value, plan.path, page), page.tokens if page.tokens > plan.limit else None)


def join(results: Sequence[JsonValue]) -> JsonValue:
    """Make one list of lists, or of models of lists one with all of theirs. Raises InvalidInput for anything else."""
    if all(isinstance(result, list) for result in results):
        return [item for result in results for item in cast("list[JsonValue]", result)]
    joined: dict[str, JsonValue] = {}
    for result in results:
        for name, items in result.items() if isinstance(result, dict) else ():
            before = joined.setdefault(name, [])
            if not isinstance(items, list) or not isinstance(before, list):
                message = f"results of pages can't be joined: {name} is no list"
                raise InvalidInput(message)
            before.extend(items)
        if not isinstance(result, dict):
            message = "results of pages can't be joined: they are neither lists nor models of lists"
            raise InvalidInput(message)
    return joined


def at(value: JsonValue, path: Path) -> JsonValue:
    """Give what lies at a path in a value. Raises InvalidInput if nothing does."""
    for key in path:
        match value, key:
            case dict(), str() if key in value:
                value = value[key]
            case list(), int() if key < len(value):
                value = value[key]
            case _:
                message = f"a plan of pages is for another value: it has no {'.'.join(map(str, path))}"
                raise InvalidInput(message)
    return value


def in_place(value: JsonValue, path: Path, part: JsonValue) -> JsonValue:
    """Give a value with another part at a path; nothing of the value itself is changed. Raises InvalidInput."""
    if not path:
        return part
    key, *more = path
    inner = in_place(at(value, (key,)), tuple(more), part)
    if isinstance(value, dict) and isinstance(key, str):
        return value | {key: inner}
    whole = cast("list[JsonValue]", value)
    return [*whole[: int(key)], inner, *whole[int(key) + 1 :]]


def _with_page(value: JsonValue, path: Path, page: PageRange) -> JsonValue:
    whole = at(value, path)
    if isinstance(whole, str | list) and page.end <= len(whole):
        return in_place(value, path, whole[page.start : page.end])
    message = f"a plan of pages is for another value: {'.'.join(map(str, path))} has no {page.end} parts"
    raise InvalidInput(message)


def tokens_in(value: JsonValue, count: CountTokens) -> int:
    """Count a value: a text itself, of anything else its JSON."""
    return count(value if isinstance(value, str) else encode_value(value).decode())


def _field_tokens(value: Mapping[str, JsonValue], count: CountTokens, field: str) -> int:
    return tokens_in(value[field], count)


def _declared(given: Mapping[str, JsonValue], page: str | None) -> Target | None:
    """Find what the contract says is to be cut, if it is there."""
    if page is None:
        return None
    name, *path = page.split(".")
    value = given.get(name)
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return Target(name, tuple(path), value) if isinstance(value, str | list) and value else None


def _largest(given: Mapping[str, JsonValue], tokens: Mapping[str, int], count: CountTokens) -> Target:
    """Find the largest text or list of the largest input."""
    name = max(given, key=lambda name: tokens[name], default="")
    value, path = given.get(name), list[str | int]()
    while True:
        match value:
            case str() if value:
                return Target(name, tuple(path), value)
            case list() if len(value) > 1:
                return Target(name, tuple(path), value)
            case list() if value:
                path.append(0)
                value = value[0]
            case dict() if value:
                field = max(value, key=partial(_field_tokens, value, count))
                path.append(field)
                value = value[field]
            case _:
                message = (
                    f"{name or 'the task'} can't be cut into pages: it has no text and no list to be cut"
                )
                raise ContextRefused(message, tokens=sum(tokens.values()))
