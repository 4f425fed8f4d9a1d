"""Quiet for a while, and then as it was."""

import structlog

from argosy.testing.quiet import quietly


def test_who_had_set_up_no_logging_still_has_not() -> None:
    structlog.reset_defaults()
    with quietly():
        assert structlog.is_configured()
    assert not structlog.is_configured()


def test_what_was_set_up_is_set_up_again() -> None:
    structlog.configure(cache_logger_on_first_use=True)
    before = structlog.get_config()
    with quietly():
        assert structlog.get_config() != before
    assert structlog.get_config() == before
    structlog.reset_defaults()
