import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from argosy.schemas.codec import MESSAGES, decode_body, encode_body
from argosy.schemas.contract import Contract
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.facts import ListFact, NoFact, SizeFact, ValueFact
from argosy.schemas.fault import Fault
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import RunEnded, TaskSettled
from argosy.schemas.task import TaskDispatched, TaskInput

VALUES: st.SearchStrategy[JsonValue] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
COUNTS = st.integers(0, 10_000)
PAYLOADS = st.builds(Inline, value=VALUES, bytes=COUNTS, tokens=COUNTS) | st.builds(
    Reference,
    sha256=st.just("0" * 64),
    bytes=COUNTS,
    tokens=COUNTS,
    shape=st.sampled_from(["value", "manifest"]),
)
FACTS = st.one_of(
    st.builds(ValueFact, kind=st.just("value"), value=VALUES),
    st.builds(SizeFact, kind=st.just("size"), bytes=COUNTS, tokens=COUNTS),
    st.builds(NoFact, kind=st.just("none"), reason=st.text(st.characters(exclude_categories=["Cs"]))),
    st.builds(ListFact, kind=st.just("list"), length=COUNTS, most_tokens=COUNTS, manifest=PAYLOADS),
)


def envelope(kind: str) -> Envelope:
    return Envelope(kind=kind, id="1", source="test", subject="run-1")


@settings(max_examples=200, deadline=None)
@given(
    st.builds(
        TaskSettled,
        task_id=st.just("run-1/a"),
        attempt=st.integers(1, 9),
        outcome=st.sampled_from(["succeeded", "failed", "overflow", "poison"]),
        result=st.none() | PAYLOADS,
        facts=st.dictionaries(st.sampled_from(["value:a", "list:b", "size:"]), FACTS),
        fault=st.none()
        | st.builds(Fault, code=st.just("x"), message=st.just("y"), after_ms=st.none() | COUNTS),
    )
)
def test_a_settle_reads_back_as_it_was_written_and_again_gives_the_same_bytes(settled: TaskSettled) -> None:
    body = encode_body(settled)
    again = decode_body(envelope("task.settled"), body)
    assert again == settled
    assert encode_body(again) == body


TERMS = Contract(
    model=None, window=None, reserve=1000, threshold=0.9, above="refuse", concurrency=64, timeout_seconds=60,
    retries=2, backoff_seconds=1, max_deliveries=3, version="1",
)  # fmt: skip
LIKE_IT: list[JsonValue] = [
    {"contract": {"model": None}},
    {"contract": json.loads(TERMS.model_dump_json())},
    '"contract":{"model":null}',
    {"contract": {"deep": {"contract": {}}}},
    {"contract": None},
    "}",
    {"contract": {"a": "}"}},
]
CONFUSING: st.SearchStrategy[JsonValue] = VALUES | st.sampled_from(LIKE_IT)
ORDERS = st.builds(
    TaskDispatched,
    task_id=st.just("run-1/a"),
    step=st.just("a"),
    agent=st.just("critic"),
    attempt=st.integers(1, 9),
    lane=st.integers(0, 9),
    inputs=st.lists(
        st.builds(
            TaskInput,
            name=st.just("x"),
            source=st.builds(Inline, value=CONFUSING, bytes=COUNTS, tokens=COUNTS),
        ),
        max_size=2,
    ).map(tuple),
    contract=st.sampled_from([TERMS, TERMS.model_copy(update={"model": 'odd:}"contract":{', "page": "x.}"})]),
    deadline_ms=COUNTS,
    run_deadline_ms=COUNTS,
    tenant=st.none() | st.just('"contract":{"model":null}'),
    earlier=st.none() | st.just('"contract":{}'),
)


@settings(max_examples=300, deadline=None)
@given(ORDERS, st.randoms(use_true_random=False))
def test_an_order_reads_back_whatever_lies_in_it_and_however_it_is_written(
    order: TaskDispatched, chance: Random
) -> None:
    body = encode_body(order)
    fields = list(json.loads(body).items())
    chance.shuffle(fields)
    other = json.dumps(dict(fields), separators=(",", ":")).encode()
    for written in (body, other, body):
        again = decode_body(envelope("task.dispatched"), written)
        assert type(again) is TaskDispatched
        assert again == order
        assert encode_body(again) == body


@pytest.mark.parametrize(
    "change", [b"", b"null", b"{}", b'{"model":null}', b'{"model":null,"window":0}', b'"}"']
)
def test_a_contract_that_is_wrong_is_named_though_others_were_right(change: bytes) -> None:
    order = TaskDispatched(
        task_id="r/a",
        step="a",
        agent="a",
        attempt=1,
        lane=0,
        contract=TERMS,
        deadline_ms=1,
        run_deadline_ms=1,
    )
    body, terms = encode_body(order), TERMS.model_dump_json(exclude_defaults=True).encode()
    assert decode_body(envelope("task.dispatched"), body) == order
    with pytest.raises(BadMessage) as caught:
        decode_body(envelope("task.dispatched"), body.replace(terms, change))
    assert caught.value.field.startswith("contract") or not change


def test_the_first_wrong_field_is_named_by_its_path() -> None:
    body = json.dumps(
        {"outcome": "succeeded", "data_hash": "h", "result": {"value": 1, "bytes": "many", "tokens": 1}}
    )
    with pytest.raises(BadMessage) as caught:
        decode_body(envelope("run.ended"), body.encode())
    assert caught.value.field.startswith("result")


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"pipeline": "p", "input": NaN}',
        b'{"pipeline": "p", "input": 1e999}',
        b'{"pipeline": "p", "input": [-1E+0400]}',
        b'{"pipeline": "p", "input": %b.5e99}' % (b"9" * 220),
        b"[" * 100_000,
        b'{"pipeline":"p","input":"\\ud800"}',
    ],
)
def test_bytes_that_are_no_submit_are_a_bad_message_and_nothing_worse(body: bytes | None) -> None:
    with pytest.raises(BadMessage):
        decode_body(envelope("run.submitted"), body)


@pytest.mark.parametrize("value", ["1e300", "1e-999", '"1e999"', "9" * 400, f"{'9' * 150}e99"])
def test_a_number_that_only_looks_too_large_is_fine(value: str) -> None:
    found = decode_body(envelope("run.submitted"), b'{"pipeline":"p","input":%b}' % value.encode())
    assert isinstance(found, RunSubmitted)
    assert found.input == json.loads(value)


def test_an_unknown_kind_is_a_bad_message() -> None:
    with pytest.raises(BadMessage) as caught:
        decode_body(envelope("coffee.ordered"), b"{}")
    assert caught.value.field == "ce_type"


def test_every_message_names_a_kind_of_its_own() -> None:
    assert all(kind == model.KIND for kind, model in MESSAGES.items())


def test_what_a_newer_release_adds_to_a_record_is_ignored() -> None:
    body = b'{"outcome": "succeeded", "data_hash": "h", "colour": "blue"}'
    assert decode_body(envelope("run.ended"), body) == RunEnded(outcome="succeeded", data_hash="h")
