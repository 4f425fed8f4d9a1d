import pytest

from argosy.agents.openai_errors import MOST_SECONDS, Answered, judge, retry_after
from argosy.schemas.errors import ArgosyError, ContextOverflow, ModelBusy, ModelFailed, ModelRefused


@pytest.mark.parametrize(
    ("answered", "kind", "again"),
    [
        (Answered(429, {"retry-after": "7"}, "rate_limit_exceeded"), ModelBusy, True),
        (Answered(429, {}, "insufficient_quota"), ModelRefused, False),
        (Answered(503, {}), ModelBusy, True),
        (Answered(529, {}), ModelBusy, True),
        (Answered(500, {}), ModelFailed, True),
        (Answered(502, {}), ModelFailed, True),
        (Answered(408, {}), ModelFailed, True),
        (Answered(401, {}), ModelRefused, False),
        (Answered(403, {}), ModelRefused, False),
        (Answered(404, {}), ModelRefused, False),
        (Answered(400, {}, "invalid_value", "temperature is odd"), ModelRefused, False),
        (Answered(422, {}), ModelRefused, False),
        (Answered(400, {}, "context_length_exceeded"), ContextOverflow, False),
    ],
)
def test_each_answer_means_one_thing(answered: Answered, kind: type[ArgosyError], again: bool) -> None:  # noqa: FBT001
    trouble = judge(answered, "m", 10)
    assert type(trouble.error) is kind
    assert trouble.again is again


def test_the_servers_own_patience_is_kept() -> None:
    trouble = judge(Answered(429, {"retry-after": "7"}), "m", 10)
    assert isinstance(trouble.error, ModelBusy)
    assert trouble.error.after_seconds == trouble.after_seconds == 7


@pytest.mark.parametrize(
    ("answered", "tokens"),
    [
        (
            Answered(
                400,
                {},
                "context_length_exceeded",
                "This model's maximum context length is 8192 tokens. "
                "However, your messages resulted in 9001 tokens.",
            ),
            9001,
        ),
        (
            Answered(
                400,
                {},
                "",
                "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                "(4000 in the messages, 1000 in the completion).",
            ),
            4000,
        ),
        (
            Answered(
                400,
                {},
                "exceed_context_size_error",
                "request (9031 tokens) exceeds the available context size (8192 tokens)",
                9031,
            ),
            9031,
        ),
        (
            Answered(400, {}, "", "request (9032 tokens) exceeds the available context size (8192 tokens)"),
            9032,
        ),
        (Answered(413, {}, "", "maximum context length exceeded"), 77),
    ],
)
def test_an_overflow_tells_the_tokens_that_the_server_measured(answered: Answered, tokens: int) -> None:
    error = judge(answered, "m", 77).error
    assert isinstance(error, ContextOverflow)
    assert error.measured_tokens == tokens


def test_a_key_in_the_servers_text_is_masked() -> None:
    said = Answered(401, {}, "invalid_api_key", "Incorrect API key provided: sk-abcdefghijklmnop.")
    error = judge(said, "m", 1).error
    assert "sk-abc" not in str(error)
    assert "OPENAI_API_KEY" in str(error)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e99"}, MOST_SECONDS),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:30 GMT"}, 0.0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, 60.0) == seconds
