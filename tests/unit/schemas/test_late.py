"""Models and adapters that are built late are sound: each is built here, as nothing else would at import."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from argosy import agents, broker, schemas
from argosy.schemas.late import Late

ROOMS = (schemas, broker, agents)


def _modules() -> list[str]:
    return [f"{room.__name__}.{found.name}" for room in ROOMS for found in iter_modules(room.__path__)]


def _models(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("argosy."):
            yield each
        yield from _models(each)


def test_every_adapter_of_a_module_can_be_built() -> None:
    names = [vars(import_module(name)) for name in _modules()]
    adapters: list[TypeAdapter[Any]] = [
        each for found in names for each in found.values() if isinstance(each, TypeAdapter)
    ]
    assert len(adapters) > 10
    for adapter in adapters:
        assert adapter.rebuild(raise_errors=True) is not False, adapter


def test_every_late_model_can_be_built() -> None:
    for name in _modules():
        import_module(name)
    models = [each for each in _models(BaseModel) if each.model_config.get("defer_build")]
    assert len(models) > 50
    for model in models:
        assert model.model_rebuild(raise_errors=True) is not False, model


def test_a_wrong_late_model_is_found_by_building_it() -> None:
    class Wrong(Late):
        field: "NoSuchType"  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable]

    with pytest.raises(Exception, match="NoSuchType"):
        Wrong.model_rebuild(raise_errors=True)
