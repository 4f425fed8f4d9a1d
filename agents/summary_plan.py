"""Planning summaries: which texts of a task's inputs are summarised, each to which share. And putting them in. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple, cast

from pydantic import JsonValue

from argosy.agents.page_plan import at, in_place, tokens_in
from argosy.agents.paging import paginate
from argosy.agents.ruler import CountTokens
from argosy.agents.shares import Part, refused, shares
from argosy.broker.values import encode_value
from argosy.schemas.canonical import sha256_hex
from argosy.schemas.contract import Contract
from argosy.schemas.errors import ContextRefused, InvalidInput
from argosy.schemas.neighbours import together
from argosy.schemas.pages import MOST_PAGES, Path, Reduction, SummaryPage, SummaryPart, SummaryPlan

APART: Final = "\n\n"
"""Between summaries of the pages of one text."""
LEAST_TOKENS: Final = 8
"""Of a summary: what is to be said in less is not said."""
GOOD_TOKENS: Final = 200
"""Of a summary of one of several pages, however many these are: the next round summarises them together."""
_EACH_TOKENS: Final = 2
"""What a summary takes beside its own tokens: a blank line, or its place in a list."""


class Limits(NamedTuple):
    """What summaries are planned within, in tokens as we count them."""

    room: int
    """For all inputs together, afterwards."""
    page: int
    """For a page that is summarised."""
    answer: int
    """For a summary."""
    factor: int = 1000
    """What the model makes of them, per mille."""


class _Text(NamedTuple):
    path: Path
    value: str | list[str]
    tokens: int


def plan_summaries(
    given: Mapping[str, JsonValue], contract: Contract, limits: Limits, count: CountTokens
) -> SummaryPlan:
    """Plan the summaries of a task's inputs; of none if they fit as they are.

    Inputs share the room by weight, the largest is cut first; so do the texts of an input, all of one weight.
    Raises ContextRefused if what is no text takes too much of the room, or too little would be left of a text.
    """
    if limits.page < 1:
        message = f"nothing of a window is left for a page that is to be summarised: {limits.page} tokens"
        raise ContextRefused(message, room=limits.room)
    texts = {name: tuple(_texts(name, value, contract.page, count)) for name, value in given.items()}
    whole = {name: _beside(value, contract.page, name, count) for name, value in given.items()}
    weights = contract.weights or {}
    inputs = [Part(f"{name}, no text", some, whole=True) for name, some in whole.items()]
    inputs += [
        Part(name, sum(text.tokens for text in found), weights.get(name, 1)) for name, found in texts.items()
    ]
    shared = shares(inputs, limits.room)
    if shared is None:
        raise refused(inputs, limits.room, "what is no text can't be summarised, and leaves too little")
    plan = _Plan(limits, count)
    for name, share in zip(texts, shared[len(whole) :], strict=True):
        plan.add(name, given[name], texts[name], share)
    return plan.done(sum(part.tokens for part in inputs))


class _Plan:
    def __init__(self, limits: Limits, count: CountTokens) -> None:
        self._limits, self._count = limits, count
        self._parts = list[SummaryPart]()
        self._pages = list[SummaryPage]()
        self._records = list[Reduction]()
        self._cut_tokens = 0

    def add(self, name: str, value: JsonValue, texts: Sequence[_Text], share: int) -> None:
        """Plan the summaries of one input, which may have so many tokens."""
        parts = [Part(name, text.tokens) for text in texts]
        first, before, after = len(self._pages), 0, 0
        for text, own in zip(texts, shares(parts, share) or (), strict=True):
            if own < text.tokens:
                self._cut(name, text, own)
                before, after = before + text.tokens, after + own
        if before:
            self._cut_tokens += before
            self._records.append(
                Reduction(
                    method="summarise",
                    input=name,
                    sha256=sha256_hex(encode_value(value)),
                    before=before,
                    after=after,
                    pages=len(self._pages) - first,
                    limit=self._limits.page,
                    factor=self._limits.factor,
                )
            )

    def _cut(self, name: str, text: _Text, share: int) -> None:
        cuts = list(self._cuts(text))
        for cut, budget in zip(cuts, self._budgets(cuts, share), strict=True):
            self._pages.append(
                SummaryPage(
                    part=len(self._parts), start=cut.start, end=cut.end, tokens=cut.tokens, budget=budget
                )
            )
        if any(page.budget < min(LEAST_TOKENS, page.tokens) for page in self._pages[-len(cuts) :]):
            where = ".".join((name, *map(str, text.path)))
            message = f"{where}: {text.tokens} tokens of it would be summarised in {share}"
            raise ContextRefused(message, tokens=text.tokens, room=share)
        if len(self._pages) > MOST_PAGES:
            message = f"{name} has more than {MOST_PAGES} pages to be summarised"
            raise ContextRefused(message, tokens=text.tokens, room=share)
        self._parts.append(SummaryPart(input=name, path=text.path, tokens=text.tokens, share=share))

    def _budgets(self, cuts: Sequence["_Cut"], share: int) -> Iterator[int]:
        """Give each page its part of a share. What joins them is theirs too."""
        left, tokens = share - _EACH_TOKENS * len(cuts), sum(cut.tokens for cut in cuts)
        small = [cut for cut in cuts if len(cuts) > 1 and left * cut.tokens < LEAST_TOKENS * tokens]
        left -= sum(min(LEAST_TOKENS, cut.tokens) for cut in small)
        tokens -= sum(cut.tokens for cut in small)
        for cut in cuts:
            good = min(GOOD_TOKENS, cut.tokens // 4) if len(cuts) > 1 else 0
            budget = max(0, left) * cut.tokens // max(1, tokens)
            if cut in small:
                budget = min(LEAST_TOKENS, cut.tokens)
            if budget * 2 < good:
                budget = good
            yield min(budget, self._limits.answer)

    def _cuts(self, text: _Text) -> Iterator["_Cut"]:
        if isinstance(text.value, str):
            for page in paginate(text.value, self._limits.page, self._count):
                yield _Cut(page.start, page.end, page.tokens)
        else:
            items = [self._count(item) for item in text.value]
            for group in together(items, self._limits.page, each=_EACH_TOKENS):
                yield _Cut(group.first, group.past, group.tokens)

    def done(self, tokens: int) -> SummaryPlan:
        return SummaryPlan(
            parts=tuple(self._parts),
            pages=tuple(self._pages),
            tokens=tokens,
            kept=tokens - self._cut_tokens,
            limit=self._limits.page,
            records=tuple(self._records),
        )


class _Cut(NamedTuple):
    start: int
    end: int
    tokens: int


def page_text(value: JsonValue, plan: SummaryPlan, number: int) -> str:
    """Read the text of a page. Raises InvalidInput for a plan that doesn't fit the value."""
    if not 0 <= number < len(plan.pages):
        message = f"page {number} of a plan that has none of this number"
        raise InvalidInput(message)
    page = plan.pages[number]
    found = at(value, plan.parts[page.part].path)
    match found:
        case str() if page.end <= len(found):
            return found[page.start : page.end]
        case list() if page.end <= len(found):
            return APART.join(str(item) for item in found[page.start : page.end])
        case _:
            message = f"a plan of summaries is for another value: it has no {page.end} parts there"
            raise InvalidInput(message)


def with_summaries(
    value: JsonValue, plan: SummaryPlan, input_name: str, first: int, summaries: Sequence[JsonValue]
) -> JsonValue:
    """Put summaries in place of the pages of an input, of which `first` is the first."""
    by_part: dict[int, list[str]] = {}
    for page, summary in zip(plan.pages[first:], summaries, strict=False):
        by_part.setdefault(page.part, []).append(str(summary))
    for number, made in by_part.items():
        part = plan.parts[number]
        if part.input != input_name:
            message = f"summaries of {part.input} can't stand in {input_name}"
            raise InvalidInput(message)
        is_text = isinstance(at(value, part.path), str)
        value = in_place(value, part.path, APART.join(made) if is_text else cast("JsonValue", made))
    return value


def _texts(name: str, value: JsonValue, page: str | None, count: CountTokens) -> Iterator[_Text]:
    """Find the texts of an input, and its lists of texts: all, or where the contract says what is cut, that."""
    if page is None:
        yield from _within(value, (), count)
        return
    declared, *path = page.split(".")
    if declared == name:
        try:
            yield from _within(at(value, tuple(path)), tuple(path), count)
        except InvalidInput:
            return  # an optional part that is not there


def _within(value: JsonValue, path: Path, count: CountTokens) -> Iterator[_Text]:
    match value:
        case str() if value:
            yield _Text(path, value, count(value))
        case list() if value and all(isinstance(item, str) for item in value):
            texts = cast("list[str]", value)
            yield _Text(path, texts, sum(count(text) + _EACH_TOKENS for text in texts))
        case list():
            for index, item in enumerate(value):
                yield from _within(item, (*path, index), count)
        case dict():
            for key, item in value.items():
                yield from _within(item, (*path, key), count)
        case _:
            return


def _beside(value: JsonValue, page: str | None, name: str, count: CountTokens) -> int:
    """Count what is left of a value without its texts."""
    declared, *path = (name,) if page is None else page.split(".")
    if declared == name:
        try:
            value = in_place(value, tuple(path), _without(at(value, tuple(path))))
        except InvalidInput:
            return tokens_in(value, count)
    return tokens_in(value, count)


def _without(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return ""
        case list() if all(isinstance(item, str) for item in value):
            return []
        case list():
            return [_without(item) for item in value]
        case dict():
            return {key: _without(item) for key, item in value.items()}
        case _:
            return value
