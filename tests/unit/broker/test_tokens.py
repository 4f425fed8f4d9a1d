import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.broker import tokens

OFFLINE = """
import socket, sys
def refuse(*args, **kwargs):
    raise AssertionError("the network was touched")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from argosy.broker import tokens
assert tokens.is_exact("o200k_base") and tokens.is_exact("cl100k_base")
print(tokens.count("Hello, world!"), tokens.count("Hello, world!", "cl100k_base"))
"""


@pytest.mark.parametrize(
    "variables", [{}, {"TIKTOKEN_CACHE_DIR": ""}, {"TIKTOKEN_CACHE_DIR": "an-empty-folder"}]
)
def test_counting_never_touches_the_network(tmp_path: Path, variables: dict[str, str]) -> None:
    environment = os.environ | variables | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", OFFLINE]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.stdout.split() == ["4", "4"]
    assert list(tmp_path.iterdir()) == []


def test_the_users_cache_setting_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "theirs")
    tokens.loaded.cache_clear()
    assert tokens.is_exact()
    assert os.environ["TIKTOKEN_CACHE_DIR"] == "theirs"


@pytest.mark.parametrize(
    ("text", "common", "older"),
    [("", 0, 0), ("Hello, world!", 4, 4), ("こんにちは世界", 2, 4), ("<|endoftext|>", 7, 7)],
)
def test_counts_are_those_of_tiktoken(text: str, common: int, older: int) -> None:
    assert tokens.count(text) == common
    assert tokens.count(text, "cl100k_base") == older


@given(st.text(alphabet=st.characters(codec=None), max_size=300))
def test_any_text_can_be_counted_and_has_no_more_tokens_than_bytes(text: str) -> None:
    assert tokens.count(text) <= len(text.encode("utf-8", "surrogatepass"))


def test_a_long_text_is_counted_in_pieces_as_exactly_as_in_one() -> None:
    sentence = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. "
    text = sentence * 4000
    assert len(text) > 4 * tokens.PIECE_CHARACTERS
    whole = tokens.loaded("o200k_base")
    assert whole is not None
    assert tokens.count(text) == len(whole.encode_ordinary(text))


@pytest.mark.parametrize("text", ["a" * 300_000, " " * 300_000, "\n" * 300_000, "^" * 300_000, "é" * 300_000])
def test_texts_that_break_a_tokenizer_are_counted_in_bounded_time(text: str) -> None:
    assert 0 < tokens.count(text) <= len(text.encode())


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("openai:gpt-5-mini", "o200k_base"),
        ("openai:gpt-4", "cl100k_base"),
        ("gpt-4-0613", "cl100k_base"),
        ("local:smollm2", "o200k_base"),
        ("openai:gpt-oss-20b", "o200k_base"),
        (None, "o200k_base"),
    ],
)
def test_a_model_has_an_encoding(model: str | None, encoding: tokens.EncodingName) -> None:
    assert tokens.encoding_of(model) == encoding


def test_without_a_vocabulary_counts_are_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(tokens, "distribution", missing)
    tokens.loaded.cache_clear()
    try:
        assert not tokens.is_exact()
        assert tokens.count("four") == 2
        assert tokens.count("") == 0
    finally:
        tokens.loaded.cache_clear()


def test_a_vocabulary_that_is_not_the_published_one_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_SHA256", {"o200k_base": "0" * 64, "cl100k_base": "0" * 64})
    tokens.loaded.cache_clear()
    try:
        assert not tokens.is_exact()
    finally:
        tokens.loaded.cache_clear()
