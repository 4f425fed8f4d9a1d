"""Fixtures for pytest: `fleet`, `fake_model`, `ctx`, `model_server`. Where argosy is installed, pytest loads them."""

from typing import TYPE_CHECKING, Any

import pytest

# Every pytest run imports this module: what it needs is loaded by the tests that ask for it.
if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from argosy.testing.fake_model import FakeModel
    from argosy.testing.fleet import Fleet
    from argosy.testing.lone_context import LoneContext
    from argosy.testing.scripted_models import ScriptedModels


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


@pytest.fixture
def model_server() -> "Generator[Callable[..., ScriptedModels]]":
    """Start scripted model servers, which end with the test; takes what `ScriptedModels` takes."""
    from contextlib import ExitStack  # noqa: PLC0415 - see above

    from argosy.testing.scripted_models import ScriptedModels  # noqa: PLC0415 - see above

    with ExitStack() as running:

        def start(*script: Any, **options: Any) -> ScriptedModels:  # noqa: ANN401 - what ScriptedModels takes
            return running.enter_context(ScriptedModels(*script, **options))

        yield start
