"""A pipeline that was met before is the same object, and says the same, byte for byte."""

import json
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from argosy.coordinator import known_pipelines
from argosy.coordinator.known_pipelines import data_hash, decode, encode_accepted, known
from argosy.schemas.codec import decode_body, encode_body
from argosy.schemas.envelope import Envelope
from argosy.schemas.errors import BadMessage
from argosy.schemas.inbox import RunSubmitted
from argosy.schemas.payload import Inline
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.runlog import RunAccepted
from support.shell_world import diamond, hello, many

SUBMIT = Envelope(RunSubmitted.KIND, "s", "test", subject="r")
ACCEPTED = Envelope(RunAccepted.KIND, "a", "test", subject="r")
PIPELINES = [pipeline.compile() for pipeline in (hello, diamond, many)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_pipelines, "_known", OrderedDict[int, object]())
    monkeypatch.setattr(known_pipelines, "_heads", {})


def submitted(body: bytes) -> RunSubmitted:
    found = decode(SUBMIT, body)
    assert isinstance(found, RunSubmitted)
    return found


def whole(pipeline: CompiledPipeline, value: JsonValue = "x") -> RunAccepted:
    return RunAccepted(
        rules=1,
        pipeline=pipeline,
        input=Inline(value=value, bytes=1, tokens=1),
        data_hash="h",
        position="0/0",
        submitted_ms=1,
        deadline_ms=2,
        longest_and_window_ms=3,
        windows={"first": 10},
    )


@given(
    pipeline=st.sampled_from(PIPELINES),
    value=JSON,
    priority=st.integers(0, 9),
    tenant=st.none() | st.text(max_size=5),
    deadline=st.none() | st.floats(1, 1e6) | st.integers(1, 10**6),
)
def test_a_submit_of_a_known_pipeline_says_the_same(
    pipeline: CompiledPipeline, value: JsonValue, priority: int, tenant: str | None, deadline: float | None
) -> None:
    sent = RunSubmitted(
        pipeline=pipeline, input=value, priority=priority, tenant=tenant, deadline_seconds=deadline
    )
    first, again = submitted(encode_body(sent)), submitted(encode_body(sent))
    assert first == again == sent
    assert again.pipeline is first.pipeline
    assert data_hash(again) == data_hash(first) == sent.data_hash


@given(pipeline=st.sampled_from(PIPELINES), value=JSON)
def test_an_accepted_run_of_a_known_pipeline_is_written_and_read_as_any_other(
    pipeline: CompiledPipeline, value: JsonValue
) -> None:
    body = encode_body(whole(pipeline, value))
    first = decode(ACCEPTED, body)
    again = decode(ACCEPTED, body)
    assert isinstance(first, RunAccepted)
    assert isinstance(again, RunAccepted)
    assert first == again == decode_body(ACCEPTED, body)
    assert again.pipeline is first.pipeline
    assert encode_accepted(again) == body


def test_a_submit_and_its_run_share_the_pipeline() -> None:
    submit = submitted(encode_body(RunSubmitted(pipeline=PIPELINES[1])))
    assert isinstance(submit.pipeline, CompiledPipeline)
    accepted = decode(ACCEPTED, encode_accepted(whole(submit.pipeline)))
    assert isinstance(accepted, RunAccepted)
    assert accepted.pipeline is submit.pipeline


def test_what_differs_only_to_json_is_another_pipeline() -> None:
    document = encode_body(RunSubmitted(pipeline=PIPELINES[0]))
    one = document.replace(b'"retries":1', b'"retries":1.0')
    assert one != document
    assert submitted(document).pipeline is not submitted(one).pipeline


def test_of_two_pipelines_in_one_message_the_last_one_counts_here_too() -> None:
    first = encode_body(RunSubmitted(pipeline=PIPELINES[0]))
    submitted(first)
    second = json.dumps(PIPELINES[1].dump())
    assert submitted(first[:-1] + b',"pipeline":' + second.encode() + b"}").pipeline == PIPELINES[1]
    assert submitted(first[:-1] + rb',"pipel\u0069ne":"by-name"}').pipeline == "by-name"


def test_a_pipeline_inside_the_input_is_not_the_submits() -> None:
    known_one = encode_body(RunSubmitted(pipeline=PIPELINES[0]))
    submitted(known_one)
    body = b'{"input":' + known_one + b',"pipeline":"by-name"}'
    found = submitted(body)
    assert found.pipeline == "by-name"
    assert found == decode_body(SUBMIT, body)


@pytest.mark.parametrize(
    "rest", [b"", b"]", b',"priority":10}', b',"unknown":1}', b',"input":NaN}', b',"input":1,"input_ref":{}}']
)
def test_what_is_wrong_beside_a_known_pipeline_is_told_as_ever(rest: bytes) -> None:
    body = encode_body(RunSubmitted(pipeline=PIPELINES[0]))
    submitted(body)
    wrong = body[:-1] + rest
    with pytest.raises(BadMessage) as ours:
        decode(SUBMIT, wrong)
    with pytest.raises(BadMessage) as plain:
        decode_body(SUBMIT, wrong)
    assert (ours.value.field, str(ours.value)) == (plain.value.field, str(plain.value))


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_pipelines, "MOST_KNOWN", 2)
    bodies = [encode_body(RunSubmitted(pipeline=pipeline)) for pipeline in PIPELINES]
    first = submitted(bodies[0]).pipeline
    assert submitted(bodies[0]).pipeline is first
    for body in bodies[1:]:
        submitted(body)
    assert submitted(bodies[0]).pipeline is not first


def test_a_pipeline_found_by_name_is_known_by_its_object() -> None:
    assert known(PIPELINES[0]) is known(PIPELINES[0])
    assert known(PIPELINES[0]).identity == PIPELINES[0].identity
