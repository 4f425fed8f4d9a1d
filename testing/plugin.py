"""Fixtures for pytest: `fleet`, `fake_model`, `ctx`. Pytest loads them by itself where argosy is installed."""

from typing import TYPE_CHECKING, Any

import pytest

# Every pytest run imports this module: what it needs is loaded by the tests that ask for it.
if TYPE_CHECKING:
    from collections.abc import Callable

    from argosy.testing.fake_model import FakeModel
    from argosy.testing.fleet import Fleet
    from argosy.testing.lone_context import LoneContext


@pytest.fixture
def fake_model() -> "FakeModel":
    """Make a FakeModel without replies: `fake_model.reply(...)`. The test's `fleet` and `ctx` ask it."""
    from argosy.testing.fake_model import FakeModel  # noqa: PLC0415 - see above

    return FakeModel()


@pytest.fixture
def ctx(fake_model: "FakeModel") -> "LoneContext":
    """Make a context for one call of an agent: `await research(ctx, document)`."""
    from argosy.testing.lone_context import context  # noqa: PLC0415 - see above

    return context(model=fake_model)


@pytest.fixture
def fleet(fake_model: "FakeModel") -> "Callable[..., Fleet]":
    """Make fleets that ask the test's `fake_model`; takes what `Fleet` takes."""
    from argosy.testing.fleet import Fleet  # noqa: PLC0415 - see above

    def make(*pipelines: Any, **options: Any) -> Fleet:  # noqa: ANN401 - what Fleet takes
        options.setdefault("model", fake_model)
        return Fleet(*pipelines, **options)

    return make
