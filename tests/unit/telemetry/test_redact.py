import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from argosy.schemas.redact import forget
from argosy.schemas.secrets import secrets_in
from argosy.schemas.settings import ModelSettings, RedisSettings, Settings, TelemetrySettings
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
        "https://0123456789abcdef0123@o1.example.org/2",
        "https://store.example/b/k?X-Amz-Signature=0123456789abcdef",
        "/b/k?sv=1&sig=0123456789abcdef",
        "Authorization: Token 0123456789abcdef",
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
    assert "0123456789abcdef" not in masked
    assert redact.may_hold_secret(secret)


@pytest.mark.parametrize(
    "text",
    [
        "a task-id: r/summarise.3",
        "https://example.org/a:b@c",
        "sk-1",
        "tokens 12",
        "risk-assessment-of-things",
        "https://example.org/?key=abcdefghijkl&page=2",
        "https://anna@example.org/",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert redact.redact_text(text) == text


@pytest.mark.parametrize(
    "key",
    [
        "api_key",
        "OPENAI_API_KEY",
        "password",
        "sasl_password",
        "Authorization",
        "access_token",
        "x-api-key",
        "clientSecret",
        "secretKey",
        "accessToken",
        "dbPassword",
        "private_key",
        "aws_secret_access_key",
    ],
)
def test_fields_are_masked_by_name(key: str) -> None:
    assert redact.redact_fields({key: 1}) == {key: redact.MASK}
    text = json.dumps({key: "a b c", "after": 1})
    assert redact.may_hold_secret(text)
    assert redact.redact_text(text) == json.dumps({key: redact.MASK, "after": 1})


@pytest.mark.parametrize(
    "key",
    ["input_tokens", "key", "tokens", "idempotency_key", "token_count", "author", "apiary", "secretary"],
)
def test_names_that_only_resemble_one_are_left_alone(key: str) -> None:
    assert redact.redact_fields({key: "v"}) == {key: "v"}


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("value", ["hunter2", 'hun"ter2', "hun\\ter2", "hunter2\\", "", 12345, True])
def test_fields_are_masked_in_json_and_in_json_within_json(depth: int, value: object) -> None:
    text: object = {"user": "anna", "db_password": value, "after": "kept"}
    for _ in range(depth):
        text = json.dumps(text)
    masked: object = redact.redact_text(str(text))
    for _ in range(depth if value != "hunter2\\" else 0):  # of that one more is masked than must be
        masked = json.loads(str(masked))
    assert "hun" not in str(masked)
    assert "12345" not in str(masked)
    if value != "hunter2\\":
        assert masked == {"user": "anna", "db_password": redact.MASK, "after": "kept"}


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("login failed: password=hunter2, user=x", "login failed: password=[redacted], user=x"),
        ("api_key: abcd1234 refused", "api_key: [redacted] refused"),
        ("x-api-key: abcd1234", "x-api-key: [redacted]"),
        ("Login(user='anna', password='hun ter2', a=1)", "Login(user='anna', password='[redacted]', a=1)"),
        ("Login(password=b'hunter2')", "Login(password=b'[redacted]')"),
        ("{'secret': 'hunter2', 'a': 1}", "{'secret': '[redacted]', 'a': 1}"),
        ('cut {"password": "hunt', 'cut {"password": "[redacted]"'),
        ("the password: must be longer", "the password: must be longer"),
        ("a rapid capital, the secretary's keyboard", "a rapid capital, the secretary's keyboard"),
        ('{"idempotency_key": "k", "tokens": 4}', '{"idempotency_key": "k", "tokens": 4}'),
    ],
)
def test_secrets_that_are_given_by_name_are_masked_in_texts(text: str, masked: str) -> None:
    assert redact.redact_text(text) == masked


def test_what_this_process_was_given_is_masked_wherever_it_stands() -> None:
    redact.know(["correct horse 1", "short"])
    try:
        assert redact.may_hold_secret("x correct horse 1 y")
        assert redact.redact_text("x correct horse 1 y, short") == f"x {redact.MASK} y, short"
    finally:
        forget()


@pytest.mark.parametrize(
    "text", ['"password' * 4_000, "\\" * 32_000 + '"password":', "a_" * 16_000 + "password"]
)
def test_hostile_texts_cost_no_time(text: str) -> None:
    began = time.process_time()
    redact.redact_text(text)
    assert time.process_time() - began < 2, "a quadratic search would take ten times as long"


def test_secrets_of_settings_are_known_by_their_values() -> None:
    Settings(
        redis=RedisSettings(url=SecretStr("redis://u:pass%2Fword-1@h:1/0")),
        model=ModelSettings(api_key=SecretStr("key-1-of-ours")),
        telemetry=TelemetrySettings(
            otlp_headers=SecretStr("authorization=header%2D1-of-ours,x=other-header-2")
        ),
    )
    try:
        for secret in (
            "pass%2Fword-1",
            "pass/word-1",
            "key-1-of-ours",
            "header%2D1-of-ours",
            "header-1-of-ours",
            "other-header-2",
        ):
            assert redact.redact_text(f"<{secret}>") == f"<{redact.MASK}>"
    finally:
        forget()


def test_of_the_environment_what_is_named_like_a_secret_is_one_and_words_are_not() -> None:
    environment = {
        "GITHUB_TOKEN": "abc123def456ghi",
        "DB_PASSWORD": "productionmode",
        "PATH_KEY": "/usr/lib/1234567",
        "X": "y1" * 9,
        "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPx",
        "APP_CREDENTIALS": "/run/secrets/app1.json",
        "MY_SECRET": "vault://secrets/app1",
    }
    assert list(secrets_in(environment)) == ["abc123def456ghi", "wJalrXUtnFEMI/K7MDENG/bPx"]


@pytest.mark.parametrize(
    ("part", "end"),
    [
        ("a.", "://user:s3cr3t@h"),
        ("eyJaaaaaaaa-", ""),
        ("-----BEGIN ", ""),
        ("basic ", ""),
        ('"password', ""),
        ("aB", "password"),
        ("aPassword", ""),
        ("authorization: a", ""),
        ("&sig=", ""),
        ("password='", ""),
    ],
)
def test_a_hostile_text_costs_as_much_as_it_is_long(part: str, end: str) -> None:
    def seconds(characters: int) -> float:
        text = part * (characters // len(part)) + end
        began = time.process_time()
        assert "s3cr3t" not in redact.redact_text(text)
        return time.process_time() - began

    least = min(seconds(16_000) for _ in range(3))
    assert min(seconds(128_000) for _ in range(2)) < 24 * max(least, 0.001)  # 64 times, if it were squared


@dataclass
class Login:
    user: str
    password: str


@pytest.mark.parametrize(
    "value",
    [
        ValueError("refused: sk-abcdefghijklmnop"),
        b"sk-abcdefghijklmnop",
        {"sk-abcdefghijklmnop"},
        {"sk-abcdefghijklmnop": 1},
        Login("anna", "abcdefghijklmnop"),
        [("x-api-key", "abcdefghijklmnop")],
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_object_hides_a_secret(value: object) -> None:
    told = redact.redact({"a": [value]})
    assert redact.MASK in repr(told)
    assert "abcdefghijklmnop" not in repr(told)


def test_objects_without_a_secret_stay_what_they_are() -> None:
    value = datetime(2026, 1, 1, tzinfo=UTC)
    assert redact.redact_fields({"at": value})["at"] is value


def test_containers_are_searched() -> None:
    assert redact.redact({"a": [{"secret": 1}, ("Basic QWxhZGRpbjpvcGVu",)]}) == {
        "a": [{"secret": redact.MASK}, [f"Basic {redact.MASK}"]]
    }
