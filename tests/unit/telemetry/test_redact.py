import pytest

from argosy.telemetry import redact


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnop",
        "ghp_abcdefghijklmnopqrstuvwxyz0123456789",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def",
        "Bearer abcdef0123456789",
        "rediss://default:s3cr3t!@example.org:6379",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_what_looks_like_a_secret_is_masked(secret: str) -> None:
    masked = redact.redact_text(f"before {secret} after")
    assert masked.startswith("before ")
    assert masked.endswith(" after")
    assert redact.MASK in masked
    assert secret not in masked
    assert "s3cr3t" not in masked


@pytest.mark.parametrize(
    "text",
    [
        "a task-id: r/summarise.3",
        "https://example.org/a:b@c",
        "sk-1",
        "tokens 12",
        "risk-assessment-of-things",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact.redact_text(text) == text


@pytest.mark.parametrize(
    "key", ["api_key", "OPENAI_API_KEY", "password", "sasl_password", "Authorization", "access_token"]
)
def test_fields_are_masked_by_name(key: str) -> None:
    assert redact.redact_fields({key: 1}) == {key: redact.MASK}


@pytest.mark.parametrize("key", ["input_tokens", "key", "tokens", "idempotency_key", "token_count", "author"])
def test_names_that_only_resemble_one_are_left_alone(key: str) -> None:
    assert redact.redact_fields({key: "v"}) == {key: "v"}


def test_containers_are_searched() -> None:
    assert redact.redact({"a": [{"secret": 1}, ("Basic QWxhZGRpbjpvcGVu",)]}) == {
        "a": [{"secret": redact.MASK}, [f"Basic {redact.MASK}"]]
    }
