"""Finding what a module offers: it is loaded by path or by dotted name, on the operator's word only.

No import path ever comes out of a message.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from argosy.pipelines.agent import Agent
from argosy.pipelines.app import App
from argosy.pipelines.pipeline import Pipeline
from argosy.pipelines.schedule import Schedule
from argosy.schemas.errors import ArgosyError, ConfigurationError


@dataclass(frozen=True, slots=True)
class Found:
    """What a module offers, by name."""

    target: str
    pipelines: Mapping[str, Pipeline[Any, Any]]
    agents: Mapping[str, Agent[..., Any]]
    schedules: Mapping[str, Schedule[Any]] = field(default_factory=dict[str, "Schedule[Any]"])

    def only(self, names: Iterable[str]) -> "Found":
        """Keep the named agents; ConfigurationError for an unknown one."""
        return replace(self, agents={name: self.agent(name) for name in names})

    def agent(self, name: str) -> Agent[..., Any]:
        """Give an agent by name; ConfigurationError if there is none."""
        if name in self.agents:
            return self.agents[name]
        raise _missing(self.target, "agent", name, self.agents)

    def pipeline(self, name: str) -> Pipeline[Any, Any]:
        """Give a pipeline by name; ConfigurationError if there is none."""
        if name in self.pipelines:
            return self.pipelines[name]
        raise _missing(self.target, "pipeline", name, self.pipelines)


def discover(target: str) -> Found:
    """Load `app.py`, `shop/fleet.py`, `shop.fleet`, or one of its things: `shop.fleet:research`.

    What stands behind the colon is an attribute of the module, else the name of an agent or a pipeline of it.
    ConfigurationError if it can't be loaded or found; a BuildError of the module itself passes through.
    """
    path, _, wanted = target.partition(":")
    module = load(path)
    found = scan(module, target=path)
    return found if not wanted else _one(found, module, wanted)


def scan(module: ModuleType, *, target: str) -> Found:
    """Look through a loaded module: its App if it has one, else its pipelines and agents."""
    values = list({id(value): value for value in vars(module).values()}.values())
    apps = [value for value in values if isinstance(value, App)]
    if len(apps) > 1:
        raise ConfigurationError(
            what=f"{target} holds {len(apps)} Apps",
            why="an App says what the module offers; only one can",
            do=f"name one: {target}:<attribute>",
        )
    app = apps[0] if apps else _app_of(values)
    return Found(target, app.pipelines, app.agents, app.schedules)


def load(path: str) -> ModuleType:
    """Import a module by path or by dotted name, as Python would from its folder or from here."""
    try:
        return _load_file(Path(path)) if path.endswith(".py") or os.sep in path else _load_name(path)
    except ArgosyError:
        raise
    except Exception as error:
        raise ConfigurationError(
            what=f"{path} can't be loaded: {type(error).__name__}: {error}",
            why="it raised while it was imported",
            do=f"run it by itself: python {path if path.endswith('.py') else '-m ' + path}",
        ) from error


def _load_file(file: Path) -> ModuleType:
    if not file.is_file():
        raise ConfigurationError(
            what=f"no file {file}",
            why="an app is a Python file, or a module by its dotted name",
            do="check the path; it is taken from the current folder",
        )
    file = file.resolve()
    loaded = sys.modules.get(file.stem)
    if loaded is not None and getattr(loaded, "__file__", None) == str(file):
        return loaded
    _make_importable(file.parent)
    # Another module has the stem's name: ours must not take its place.
    name = file.stem if loaded is None else f"argosy_app_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ConfigurationError(what=f"{file} is no Python file", do="pass a .py file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: dataclasses and pydantic look their own module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _load_name(name: str) -> ModuleType:
    _make_importable(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise  # the module is there; something that it imports is not
        raise ConfigurationError(
            what=f"no module {name!r}",
            why="an app is a Python file, or a module by its dotted name",
            do="pass a path like app.py, or run from the folder that holds it",
        ) from error


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _app_of(values: list[object]) -> App:
    return App(
        pipelines=[value for value in values if _is_pipeline(value)],
        agents=[value for value in values if _is_agent(value)],
        schedules=[value for value in values if _is_schedule(value)],
    )


# Plain isinstance leaves the type parameters unknown, which a strict checker refuses to pass on.


def _is_pipeline(value: object) -> TypeGuard[Pipeline[Any, Any]]:
    return isinstance(value, Pipeline)


def _is_agent(value: object) -> TypeGuard[Agent[..., Any]]:
    return isinstance(value, Agent)


def _is_schedule(value: object) -> TypeGuard[Schedule[Any]]:
    return isinstance(value, Schedule)


def _one(found: Found, module: ModuleType, wanted: str) -> Found:
    value: object = getattr(module, wanted, None)
    if isinstance(value, App):
        return replace(found, pipelines=value.pipelines, agents=value.agents, schedules=value.schedules)
    found = replace(found, schedules={})
    if _is_agent(value):
        return replace(found, pipelines={}, agents={value.name: value})
    pipeline = value if _is_pipeline(value) else found.pipelines.get(wanted)
    if pipeline is not None:
        return replace(found, pipelines={pipeline.name: pipeline}, agents=dict(pipeline.agents()))
    return replace(found, pipelines={}, agents={wanted: found.agent(wanted)})


def _missing(target: str, kind: str, name: str, known: Mapping[str, object]) -> ConfigurationError:
    return ConfigurationError(
        what=f"no {kind} {name!r} in {target}",
        why=f"it offers {', '.join(known) or f'no {kind}'}",
        do="name one of them, or list it in the module's App",
    )
