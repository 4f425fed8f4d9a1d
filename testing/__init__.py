"""The kit for users' own tests: a fleet in memory, virtual time, faults, a fake model and a scripted model server."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argosy.testing.exploration import Report, Seed, explore, seeds_of
    from argosy.testing.fake_model import FakeModel
    from argosy.testing.fleet import Fleet
    from argosy.testing.fleet_run import FleetRun
    from argosy.testing.history import History, TaskHistory
    from argosy.testing.lone_context import context
    from argosy.testing.model_script import Limits, Rule, Say, Script, ToolAsk
    from argosy.testing.pipeline_load import PipelineLoad
    from argosy.testing.scripted_models import ScriptedModels
    from argosy.testing.world import World

__all__ = [
    "FakeModel",
    "Fleet",
    "FleetRun",
    "History",
    "Limits",
    "PipelineLoad",
    "Report",
    "Rule",
    "Say",
    "Script",
    "ScriptedModels",
    "Seed",
    "TaskHistory",
    "ToolAsk",
    "World",
    "context",
    "explore",
    "seeds_of",
]

_ROOMS: Final = {
    "FakeModel": "fake_model",
    "Fleet": "fleet",
    "FleetRun": "fleet_run",
    "History": "history",
    "Limits": "model_script",
    "PipelineLoad": "pipeline_load",
    "Report": "exploration",
    "Rule": "model_script",
    "Say": "model_script",
    "Script": "model_script",
    "ScriptedModels": "scripted_models",
    "Seed": "exploration",
    "TaskHistory": "history",
    "ToolAsk": "model_script",
    "World": "world",
    "context": "lone_context",
    "explore": "exploration",
    "seeds_of": "exploration",
}


def __getattr__(name: str) -> object:
    """Load a name at its first use: the plugin is imported by every pytest run."""
    module = _ROOMS.get(name)
    if module is None:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"{__name__}.{module}"), name)
