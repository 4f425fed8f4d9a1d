"""The library's log while Kafka is away."""

import logging

import pytest

from argosy.broker.quiet import OnceInAWhile, quieten


def said(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("aiokafka", level, "", 0, text, (), None)


def test_the_same_kind_of_warning_is_told_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now, quiet = [100.0], OnceInAWhile()
    monkeypatch.setattr("argosy.broker.quiet.time.monotonic", lambda: now[0])
    assert quiet.filter(said(logging.ERROR, "no node %s"))
    assert not quiet.filter(said(logging.ERROR, "no node %s"))
    assert quiet.filter(said(logging.ERROR, "something else"))
    now[0] += 10.0
    assert quiet.filter(said(logging.ERROR, "no node %s"))


def test_what_is_below_a_warning_is_left_alone() -> None:
    quiet = OnceInAWhile()
    assert quiet.filter(said(logging.INFO, "hello"))
    assert quiet.filter(said(logging.INFO, "hello"))


def test_a_program_without_logging_gets_nothing_of_it_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    quieten()
    library, root = logging.getLogger("aiokafka"), logging.getLogger()
    assert any(isinstance(handler, logging.NullHandler) for handler in library.handlers)
    handlers, root.handlers = root.handlers, []
    try:
        library.error("Unable connect to h1")
    finally:
        root.handlers = handlers
    assert capsys.readouterr().err == ""


def test_putting_it_on_twice_is_the_same() -> None:
    quieten()
    before = list(logging.getLogger("aiokafka").filters)
    quieten()
    assert logging.getLogger("aiokafka").filters == before
