"""What makes a step of two pipelines the same: it would do the same with the same inputs. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue

from argosy.schemas.pipeline import CompiledPipeline, PlanStep, Step

_OPERATIONAL: Final = {"concurrency", "timeout_seconds", "retries", "backoff_seconds", "max_deliveries"}
"""Parts of a contract that say how a task is run, and change nothing of what it makes."""
_HOW: Final = {"pipeline", "max_parallel", "deadline_seconds"}
"""So it is with these parts of a step; a pipeline inside is compared step by step."""


def alike(old: CompiledPipeline, before: Step, new: CompiledPipeline, step: Step) -> bool:
    """Say whether two steps do the same with the same inputs; of what a pipeline inside does nothing is said."""
    return _said(old, before) == _said(new, step)


def _said(pipeline: CompiledPipeline, step: Step) -> JsonValue:
    said: dict[str, JsonValue] = {"step": step.model_dump(mode="json", exclude=_HOW)}
    agents: dict[str, JsonValue] = {}
    names = [step.agent] if step.agent is not None else []
    names += step.agents if isinstance(step, PlanStep) else ()
    while names:
        name = names.pop()
        contract = pipeline.agents.get(name)
        if contract is None or name in agents:
            continue
        agents[name] = contract.model_dump(mode="json", exclude=_OPERATIONAL)
        names += [contract.merge] if contract.merge is not None else []
    said["agents"] = agents
    said["schemas"] = dict(_named(said, pipeline.schemas))
    return said


def _named(said: JsonValue, schemas: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
    """Find the schemas that are referred to, and those that these refer to."""
    seen: set[str] = set()
    waiting: list[JsonValue] = [said]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).rpartition("/")[2]
            if name in schemas and name not in seen:
                seen.add(name)
                yield name, schemas[name]
                waiting.append(schemas[name])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
