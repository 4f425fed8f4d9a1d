"""A task's inputs: from payloads, holes and selections to what the agent's types are read from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from argosy.agents import cuts
from argosy.agents.guard import Guard
from argosy.broker.facts import select
from argosy.broker.store import Payloads
from argosy.broker.values import decode_value, load, manifest_items
from argosy.pipelines.context import Page
from argosy.pipelines.port import Given
from argosy.schemas.errors import ContextOverflow, InvalidInput
from argosy.schemas.late import LATE
from argosy.schemas.payload import Inline, Payload, Reference
from argosy.schemas.plain_dispatch import Dispatch, PlainDispatch
from argosy.schemas.taint import UNTAINTED, Taint, united
from argosy.schemas.task import HoleInput, PageOf, SystemDispatched, TaskInput

_INPUTS: Final = TypeAdapter(tuple[TaskInput, ...], config=LATE)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What each parameter is given, and its payload as it came; a hole has none."""

    given: Mapping[str, Given]
    payloads: Mapping[str, Payload]
    page: Page | None = None
    """Of the input that is cut into pages, where one is."""


def at_hand(body: Dispatch) -> Mapping[str, Given] | None:
    """Give what each parameter is given if all came along as values, as most do; None if there is more to `read`."""
    if isinstance(body, PlainDispatch):
        return {body.name: body.value}
    if body.inputs_ref is not None:
        return None
    given: dict[str, Given] = {}
    for one in body.inputs:
        source = one.source
        if (
            not isinstance(source, Inline)
            or one.item is not None
            or one.gathered is not None
            or one.select
            or one.pages
        ):
            return None
        given[one.name] = source.value
    return given


def shown(given: Mapping[str, Given]) -> bytes:
    """Write the JSON of what parameters are given, for people who look."""
    texts = (
        to_json(name) + b":" + (each if isinstance(each, bytes) else to_json(each))
        for name, each in given.items()
    )
    return b"{%b}" % b",".join(texts)


async def read(body: Dispatch, payloads: Payloads, see: Callable[[Taint], None]) -> Inputs:
    """Read the inputs of a dispatch. Raises PayloadGone, InvalidInput, ContextOverflow, and Unreachable.

    `see` is told of their marks before: what is raised of a value may show its words.
    """
    cut = not isinstance(body, SystemDispatched) or body.system is None
    given: dict[str, Given] = {}
    found: dict[str, Payload] = {}
    page: Page | None = None
    listed = await _listed(body, payloads)
    see(taint_of(listed))
    for one in listed:
        shown, payload = await read_one(one, payloads, text=cut)
        if payload is not None:
            found[one.name] = payload
        if shown.over is not None and cut:
            message = (
                f"{one.name}: one item has {shown.over} tokens, more than a page: it is to be cut in turn"
            )
            raise ContextOverflow(message, measured_tokens=shown.over)
        given[one.name] = shown.value
        if one.pages and isinstance(last := one.pages[-1], PageOf):
            page = Page(one.name, last.number + 1, last.of, shown.overlap)
    if cut:
        _check_item(body, listed, found)
    return Inputs(given, found, page)


async def read_one(one: TaskInput, payloads: Payloads, *, text: bool) -> tuple[cuts.Shown, Payload | None]:
    """Read one input as it is cut, and give its payload as it came; a hole and the list of a map have none.

    `text`: a stored value that is given whole is left as JSON text: to read it only to write it for the codec of its
    agent would be a quarter of what a megabyte costs.
    Raises PayloadGone, InvalidInput and Unreachable.
    """
    if isinstance(one.source, HoleInput):
        return cuts.Shown(one.source.hole), None
    if one.gathered is not None:
        value, left, first = await cuts.gathered(one, one.gathered, payloads)
        shown = await cuts.shown(value, left, one.name, payloads)
        return first._replace(value=shown.value) if first is not None and not left else shown, None
    payload = await _payload(one, one.source, payloads)
    if text and not (one.select or one.pages) and isinstance(payload, Reference) and payload.shape == "value":
        data = await payloads.get(payload.sha256)
        # The codecs of agents take these words for numbers, which nobody else does.
        odd = holds(data, b"NaN") or holds(data, b"Infinity")
        return cuts.Shown(decode_value(data) if odd else data), payload
    whole = await (cuts.source_of if one.pages else load)(payload, payloads)
    return await cuts.shown(select(one.select, whole), one.pages, one.name, payloads), payload


def holds(data: bytes, word: bytes) -> bool:
    """Say whether a word stands in a large text.

    One byte is found twenty times as fast as a word; where that byte is frequent, the word itself is looked for.
    """
    at = -1
    for _ in range(len(data) // 4096):
        at = data.find(word[:1], at + 1)
        if at < 0:
            return False
        if data.startswith(word, at):
            return True
    return data.rfind(word, at + 1) >= 0


def taint_of(inputs: Sequence[TaskInput]) -> Taint:
    """Unite the marks of all that a task is given; of one item of a list those of the whole list."""
    marks = [one.source.taint for one in inputs]
    marks += [part.taint for one in inputs for part in one.gathered or ()]
    return united(*marks) if any(marks) else UNTAINTED


def _check_item(body: Dispatch, listed: Sequence[TaskInput], found: Mapping[str, Payload]) -> None:
    """Raise ContextOverflow for a shard that is too large: of a list that lies in the store the core can't say."""
    if body.contract.above == "refuse" or not any(one.item is not None and not one.pages for one in listed):
        return
    whole = [found[one.name].tokens for one in listed if one.name in found and not (one.select or one.pages)]
    Guard(body.contract, body.window, body.factor).check(sum(whole))


async def _listed(body: Dispatch, payloads: Payloads) -> Sequence[TaskInput]:
    if body.inputs_ref is None:
        return body.inputs
    try:
        return _INPUTS.validate_json(await payloads.get(body.inputs_ref.sha256))
    except ValidationError:
        message = "the stored inputs of this task are no list of inputs"
        raise InvalidInput(message) from None


async def _payload(one: TaskInput, source: Payload, payloads: Payloads) -> Payload:
    if one.item is None:
        return source
    items = await manifest_items(source, payloads)
    if not 0 <= one.item < len(items):
        message = f"{one.name}: the list has {len(items)} items, number {one.item} was asked for"
        raise InvalidInput(message)
    return items[one.item]
