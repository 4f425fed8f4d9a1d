import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.telemetry import propagation
from argosy.telemetry.propagation import NO_TRACE, Trace

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-00"


def test_what_is_written_to_headers_is_read_back() -> None:
    sent = Trace(SAMPLED, "vendor=abc")
    assert propagation.read(sent.headers()) == sent
    assert sent.headers() == [("traceparent", SAMPLED.encode()), ("tracestate", b"vendor=abc")]


def test_no_trace_writes_no_header() -> None:
    assert NO_TRACE.headers() == []
    assert NO_TRACE.trace_id is None


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "nonsense",
        SAMPLED.upper(),
        SAMPLED + "-more",
        SAMPLED.replace("00-", "01-", 1),
        SAMPLED.replace("00-", "ff-", 1),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        SAMPLED.replace("-01", "-0g"),
        SAMPLED[:-1] + "\n",
    ],
)
def test_a_malformed_traceparent_counts_as_absent(traceparent: str) -> None:
    assert propagation.read([("traceparent", traceparent.encode())]) == NO_TRACE
    assert propagation.checked(traceparent, "a=b") == NO_TRACE
    assert propagation.span_context(traceparent) is None
    assert not propagation.is_sampled(traceparent)
    assert propagation.links_to([traceparent], "parent") == []


@given(
    st.lists(
        st.tuples(st.sampled_from(["traceparent", "tracestate", "x"]), st.none() | st.binary(max_size=80))
    )
)
def test_reading_headers_never_raises(headers: list[tuple[str, bytes | None]]) -> None:
    found = propagation.read(headers)
    propagation.parent_context(found.traceparent, found.tracestate)


@given(st.text(max_size=80), st.text(max_size=2000))
def test_decoding_values_as_they_came_never_raises(traceparent: str, tracestate: str) -> None:
    propagation.checked(traceparent, tracestate)
    propagation.span_context(SAMPLED, tracestate)


def test_two_traceparents_contradict_each_other_and_count_as_none() -> None:
    assert (
        propagation.read([("traceparent", SAMPLED.encode()), ("traceparent", UNSAMPLED.encode())]) == NO_TRACE
    )


def test_the_sampled_flag_is_read() -> None:
    assert propagation.is_sampled(SAMPLED)
    assert not propagation.is_sampled(UNSAMPLED)
    assert not propagation.is_sampled(None)


def test_the_trace_id_is_read() -> None:
    assert propagation.trace_id_of(SAMPLED) == TRACE_ID
    assert propagation.trace_id_of("?") is None


def test_a_long_tracestate_is_cut_by_whole_entries_and_long_ones_go_first() -> None:
    entries = [f"k{n}={'v' * 20}" for n in range(40)]
    long = f"long={'x' * 200}"
    cut = propagation.checked(SAMPLED, ",".join([long, *entries])).tracestate
    assert cut is not None
    kept = cut.split(",")
    assert len(cut) <= propagation.TRACESTATE_CHARACTERS
    assert long not in kept
    assert kept == entries[: len(kept)]


def test_links_go_to_all_valid_traceparents_in_order() -> None:
    other = SAMPLED.replace("b7ad6b7169203331", "00f067aa0ba902b7")
    links = propagation.links_of(propagation.links_to([SAMPLED, None, "bad", other], "parent"))
    assert [f"{link.context.span_id:016x}" for link in links] == ["b7ad6b7169203331", "00f067aa0ba902b7"]
    assert all(dict(link.attributes or {}) == {"argosy.link": "parent"} for link in links)
