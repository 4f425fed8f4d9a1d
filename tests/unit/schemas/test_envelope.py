import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.schemas.envelope import HEADERS_BYTES, Envelope, read_envelope, type_of
from argosy.schemas.errors import BadMessage, NewerVersion

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
WHOLE = st.integers(0, 2**53)
REQUIRED = {
    "ce_specversion": b"1.0",
    "ce_type": b"argosy.run.submitted.v1",
    "ce_id": b"1",
    "ce_source": b"me",
}


@settings(deadline=None)
@given(
    st.builds(
        Envelope,
        kind=st.just("task.settled"),
        id=TEXT,
        source=TEXT,
        subject=st.just("run-1"),
        time_ms=st.none() | st.integers(0, 4_000_000_000_000),
        cause=st.none() | WHOLE,
        ordinal=WHOLE,
        traceparent=st.none() | TEXT,
        tracestate=st.none() | TEXT,
    )
)
def test_an_envelope_reads_back_as_it_was_written(envelope: Envelope) -> None:
    assert read_envelope(envelope.headers()) == envelope


ODD = st.one_of(
    st.none(),
    st.binary(max_size=30),
    TEXT.map(str.encode),
    st.integers(-5, 2**70).map(lambda number: str(number).encode()),
    st.sampled_from([
        b"2026-11-26T04:18:48.123Z", b"2026-11-26T04:18:48Z", b"2026-11-26T04:18:48.12 Z", b"2026-13-26T04:18:48.123Z",
        b"2026-11-26 04:18:48.123Z", b"2026-11-26T04:18:60.123Z", b"2026-11-26T04:18:48.123+", b"1.0", b"text/plain",
        b"argosy.task.settled.v1", b"argosy.task.settled.v2", b"application/json", b"0" * 19, b"x" * 20_000,
    ]),
)  # fmt: skip
NAMES = st.sampled_from([
    *REQUIRED, "ce_time", "ce_cause", "ce_ordinal", "ce_subject", "content-type", "traceparent", "tracestate", "CE_ID",
])  # fmt: skip


def outcome(pairs: list[tuple[str, bytes | None]]) -> Envelope | tuple[type[Exception], str, str]:
    try:
        return read_envelope(pairs)
    except (BadMessage, NewerVersion) as error:
        return type(error), str(error), getattr(error, "field", "")


@settings(max_examples=500, deadline=None)
@given(odd=st.lists(st.tuples(NAMES, ODD), max_size=4), before=st.booleans())
def test_headers_as_ours_and_any_others_are_read_alike(
    *, odd: list[tuple[str, bytes | None]], before: bool
) -> None:
    ours: list[tuple[str, bytes | None]] = [*REQUIRED.items()]
    pairs = [*odd, *ours] if before else [*{**dict(ours), **dict(odd)}.items()]
    # A header that isn't ours makes all of them be looked at one by one.
    assert outcome(pairs) == outcome([("someone-elses", b""), *pairs])


@pytest.mark.parametrize("name", sorted(REQUIRED))
def test_each_required_header_is_named_when_it_is_missing(name: str) -> None:
    with pytest.raises(BadMessage) as caught:
        read_envelope([(key, value) for key, value in REQUIRED.items() if key != name])
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_type", b"someone.else.v1"),
        ("ce_type", b"argosy.run.submitted"),
        ("ce_time", b"yesterday"),
        ("ce_cause", b"-1"),
        ("ce_cause", b"9" * 30),
        ("ce_ordinal", "٣".encode()),
        ("ce_id", b"\xff"),
        ("content-type", b"text/plain"),
        ("content-type", b"application/cloudevents+json"),
        ("content-type", b""),
    ],
)
def test_a_header_that_is_wrong_is_named(name: str, value: bytes) -> None:
    with pytest.raises(BadMessage) as caught:
        read_envelope({**REQUIRED, name: value}.items())
    assert caught.value.field == name


@pytest.mark.parametrize("kind", [b"application/json; charset=utf-8", b"Application/JSON", None])
def test_json_is_json_however_its_type_is_written(kind: bytes | None) -> None:
    said = {} if kind is None else {"content-type": kind}
    assert read_envelope({**REQUIRED, **said}.items()).id == "1"


@pytest.mark.parametrize(
    "also",
    [
        {},
        {"content-type": b"application/cbor"},
        {"ce_specversion": b"2.0"},
        {"ce_time": b"#1764168000"},
        {"ce_cause": b"3/17"},
    ],
)
def test_a_later_version_of_ours_is_not_called_bad_whatever_else_is_new_in_it(also: dict[str, bytes]) -> None:
    with pytest.raises(NewerVersion):
        read_envelope({**REQUIRED, **also, "ce_type": b"argosy.run.submitted.v2"}.items())


def test_a_megabyte_of_headers_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BadMessage, match=str(HEADERS_BYTES)):
        read_envelope([*REQUIRED.items(), ("x", b"\xff" * 1_000_000)])


def test_a_time_without_zone_is_taken_as_utc() -> None:
    pairs = {**REQUIRED, "ce_time": b"2026-01-01T00:00:00"}.items()
    assert read_envelope(pairs).time_ms == 1_767_225_600_000


DISPATCH = Envelope(
    kind="task.dispatched",
    id="01KB/a#1",
    source="argosy/coordinator/host-1",
    subject="01KB",
    cause=7,
    traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-00",
)
OUTCOME = DISPATCH._replace(kind="task.settled", time_ms=1_790_000_000_123, ordinal=2)


@pytest.mark.parametrize("ours", [DISPATCH, OUTCOME])
def test_what_we_write_reads_the_same_in_whatever_order_its_headers_stand(ours: Envelope) -> None:
    headers = ours.headers()
    assert read_envelope(headers) == read_envelope(headers[::-1]) == ours


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_type", b"someone.else.v1"),
        ("ce_id", b""),
        ("ce_id", None),
        ("ce_source", b"\xff"),
        ("content-type", b"text/plain"),
        ("ce_subject", b"\xff"),
        ("ce_time", b"yesterday"),
        ("ce_cause", b"-1"),
        ("ce_ordinal", b"two"),
        ("traceparent", b"\xff"),
    ],
)
def test_what_is_wrong_in_what_we_write_is_named(name: str, value: bytes | None) -> None:
    for ours in (DISPATCH, OUTCOME):
        headers = ours.headers()
        if name not in dict(headers):
            continue
        pairs = [(key, value if key == name else found) for key, found in headers]
        with pytest.raises(BadMessage) as caught:
            read_envelope(pairs)
        assert caught.value.field == name


def test_a_kind_that_older_releases_do_not_know_begins_with_a_version_that_they_wait_for() -> None:
    system = DISPATCH._replace(kind="task.system")
    headers = system.headers()
    assert dict(headers)["ce_type"] == b"argosy.task.system.v2"
    assert read_envelope(headers) == read_envelope(headers[::-1]) == system
    assert type_of("task.dispatched") == "argosy.task.dispatched.v1"
    for version in (b"1", b"3"):
        with pytest.raises(NewerVersion):
            read_envelope({**REQUIRED, "ce_type": b"argosy.task.system.v" + version}.items())


@pytest.mark.parametrize("name", ["ce_type", "ce_id", "ce_source", "ce_subject", "traceparent"])
def test_what_we_write_has_no_longer_headers_than_anything_else(name: str) -> None:
    for ours in (DISPATCH, OUTCOME):
        pairs = [
            (key, b"argosy.%b.v1" % (b"x" * 40_000) if key == name else found)
            for key, found in ours.headers()
        ]
        for some in (pairs, pairs[::-1]):
            with pytest.raises(BadMessage, match="32768"):
                read_envelope(some)
