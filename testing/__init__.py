"""The kit for users' own tests: a fleet in memory, virtual time, faults and a fake model."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from argosy.testing.exploration import Report, Seed, explore, seeds_of
    from argosy.testing.fake_model import FakeModel
    from argosy.testing.fleet import Fleet
    from argosy.testing.fleet_run import FleetRun
    from argosy.testing.history import History, TaskHistory
    from argosy.testing.lone_context import context
    from argosy.testing.pipeline_load import PipelineLoad
    from argosy.testing.world import World

__all__ = [
    "FakeModel",
    "Fleet",
    "FleetRun",
    "History",
    "PipelineLoad",
    "Report",
    "Seed",
    "TaskHistory",
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
    "PipelineLoad": "pipeline_load",
    "Report": "exploration",
    "Seed": "exploration",
    "TaskHistory": "history",
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
