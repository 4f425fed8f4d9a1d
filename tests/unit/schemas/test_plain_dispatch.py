"""Plain dispatches are read as the codec reads them, or left to it, whatever lies in them or is changed of them."""

import json
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from argosy.schemas.codec import decode_body, encode_body
from argosy.schemas.contract import Contract
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.facts import Want
from argosy.schemas.payload import Inline
from argosy.schemas.plain_dispatch import read_plain
from argosy.schemas.task import PageOf, SystemDispatched, SystemOrder, TaskDispatched, TaskInput

ENVELOPE = Envelope(kind=TaskDispatched.KIND, id="1", source="test", subject="run-1")
TERMS = Contract(
    model=None, window=None, reserve=1000, threshold=0.9, above="refuse", concurrency=64, timeout_seconds=60,
    retries=2, backoff_seconds=1, max_deliveries=3, version="1",
)  # fmt: skip
SEAMS = [
    '"',
    "}",
    "{",
    ",",
    ":",
    "\\",
    '{"value":',
    ',"bytes":1,"tokens":1}}],"contract":{',
    '}}],"contract":',
    ',"deadline_ms":1',
    ',"parents":["a"]',
    "]}",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(SEAMS)
VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
COUNTS = st.integers(0, 10**15)
NAMES = st.sampled_from(["a", "each.3", "ask~2", "plan/p1"])
ORDERS = st.builds(
    TaskDispatched,
    task_id=NAMES.map(lambda name: f"run-1/{name}"),
    step=st.just("a"),
    agent=st.just("critic"),
    attempt=st.integers(1, 9),
    lane=st.integers(0, 99),
    inputs=st.builds(
        TaskInput, name=st.just("x"), source=st.builds(Inline, value=VALUES, bytes=COUNTS, tokens=COUNTS)
    ).map(lambda one: (one,)),
    contract=st.sampled_from([TERMS, TERMS.model_copy(update={"model": "fake:big", "window": 200_000})]),
    window=st.none() | COUNTS,
    factor=st.sampled_from([1000, 1100]),
    deadline_ms=COUNTS,
    run_deadline_ms=COUNTS,
    priority=st.integers(0, 9),
    pipeline=st.just("brief@2"),
    tenant=st.none() | st.sampled_from(["blue", "Big Corp.", "ünï", 'a"b']),
    parents=st.lists(st.sampled_from([f"00-{n:032x}-{n:016x}-00" for n in (1, 2)]), max_size=3).map(tuple),
)
ORDER = TaskDispatched(
    task_id="run-1/a",
    step="a",
    agent="critic",
    attempt=1,
    lane=0,
    inputs=(TaskInput(name="x", source=Inline(value={"text": "t"}, bytes=12, tokens=1)),),
    contract=TERMS,
    deadline_ms=1,
    run_deadline_ms=2,
    pipeline="brief",
)


PAGE = PageOf(plan=Inline(value={"pages": []}, bytes=12, tokens=1), number=0, of=2)


def agrees(body: bytes) -> bool:
    """Say whether a body is plain, having compared what is read of it with what the codec reads."""
    found = read_plain(body)
    if found is None:
        return False
    whole = decode_body(ENVELOPE, body)
    assert isinstance(whole, TaskDispatched)
    for name in TaskDispatched.model_fields:
        assert getattr(found, name) == getattr(whole, name), name
    assert f"{found.run_id}/{found.local}" == whole.task_id
    assert found.tokens == whole.tokens
    return True


@settings(max_examples=300, deadline=None)
@given(ORDERS)
def test_what_our_coordinators_write_is_plain_and_says_the_same(order: TaskDispatched) -> None:
    assert agrees(encode_body(order)) or order.tenant in {"ünï", 'a"b'} or not order.pipeline


@settings(max_examples=1_000, deadline=None)
@given(ORDERS, st.data())
def test_of_what_was_changed_on_its_way_nothing_is_read_that_the_codec_would_not(
    order: TaskDispatched, data: st.DataObject
) -> None:
    body = encode_body(order)
    at = data.draw(st.integers(0, len(body)))
    until = data.draw(st.integers(at, min(len(body), at + 12)))
    piece = data.draw(st.binary(max_size=3) | st.sampled_from([text.encode() for text in SEAMS]))
    agrees(body[:at] + piece + body[until:])


@settings(max_examples=300, deadline=None)
@given(ORDERS, st.permutations(range(8)))
def test_in_another_order_it_is_left_to_the_codec(order: TaskDispatched, places: list[int]) -> None:
    fields = list(json.loads(encode_body(order)).items())
    moved = dict([fields[place] for place in places] + fields[8:])
    plain = agrees(json.dumps(moved, separators=(",", ":"), ensure_ascii=False).encode())
    assert not plain or places == sorted(places)


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": ()},
        {"inputs": ORDER.inputs * 2},
        {"inputs": (ORDER.inputs[0].model_copy(update={"select": "text"}),)},
        {"inputs": (ORDER.inputs[0].model_copy(update={"item": 1, "of": 2}),)},
        {"inputs": (ORDER.inputs[0].model_copy(update={"pages": (PAGE,)}),)},
        {"wants": (Want(kind="size"),)},
        {"parents": ('00-1"-1-00',)},
        {"parents": ("00-1-1-00",) * 60},
        {"earlier": "00-1-1-00"},
    ],
)
def test_what_is_more_than_one_value_is_not_plain(change: dict[str, object]) -> None:
    assert agrees(encode_body(ORDER))
    assert not agrees(encode_body(ORDER.model_copy(update=change)))


@pytest.mark.parametrize("kind", ["pages", "join"])
@pytest.mark.parametrize("room", [None, 70])
def test_what_a_worker_is_to_do_itself_is_not_plain(kind: Literal["pages", "join"], room: int | None) -> None:
    system = SystemDispatched(**dict(ORDER), system=SystemOrder(kind=kind, room=room))
    body = encode_body(system)
    assert read_plain(body) is None
    assert decode_body(ENVELOPE._replace(kind=SystemDispatched.KIND), body) == system
    first = (
        b'{"system":%b,' % SystemOrder(kind=kind, room=room).model_dump_json(exclude_defaults=True).encode()
    )
    assert read_plain(encode_body(ORDER).replace(b"{", first, 1)) is None


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"run-1/a"', b'"run 1/a"'),
        (b'"run-1/a"', b'"run-1/"'),
        (b'"attempt":1', b'"attempt":01'),
        (b'"lane":0', b'"lane":-1'),
        (b'"lane":0', b'"lane":0.5'),
        (b'{"text":"t"}', b""),
        (b'{"text":"t"}', b"1,2"),
        (b'{"text":"t"}', b'{"text":"\xff"}'),
        (b'{"text":"t"}', b'"\\ud800"'),
        (b'{"text":"t"}', b"[" * 300 + b"]" * 300),
        (b'{"text":"t"}', b"[" * 198 + b"]" * 198),
        (b'"reserve":1000', b'"reserve":-1'),
        (b'"reserve":1000', b'"reserve":1000,"more":1'),
        (b'"brief"}', b'"brief"} '),
        (b'"brief"}', b'"brief"}}'),
        (b'"pipeline"', b'"more":1,"pipeline"'),
    ],
)
def test_what_may_be_wrong_is_left_to_the_codec_to_judge(was: bytes, now: bytes) -> None:
    body = encode_body(ORDER)
    assert was in body
    assert read_plain(body.replace(was, now, 1)) is None


def test_a_value_that_is_no_json_is_no_plain_dispatch_but_a_bad_message() -> None:
    body = encode_body(ORDER).replace(b'{"text":"t"}', b"{]")
    assert read_plain(body) is None
    with pytest.raises(BadMessage):
        decode_body(ENVELOPE, body)
