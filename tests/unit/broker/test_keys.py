"""Every key: where it lies, what it is, and that no two can meet."""

import inspect

import pytest

from argosy.broker.keys import PERMANENT, FleetKeys, LaneKeys, ModelKeys, TenantKeys, kind_of, model_of
from argosy.schemas.ids import TaskId

KEYS = LaneKeys("argosy", 17)
EXAMPLES = {
    "lane": KEYS.checkpoint,
    "live": KEYS.live,
    "run": KEYS.run("7f", "a.run-1"),
    "timers": KEYS.timers("7f"),
    "ready": KEYS.ready("7f", "critic"),
    "agents": KEYS.ready_agents("7f"),
    "out": KEYS.out("7f"),
    "wait": KEYS.out_wait("7f"),
    "outbox": KEYS.outbox("7f"),
    "quarantine": KEYS.quarantine("7f"),
    "load": KEYS.load("7f"),
    "windows": KEYS.windows("7f"),
    "task": KEYS.task(TaskId("a.run-1/step.3")),
    "budget": KEYS.budget("a.run-1"),
}


def test_there_is_an_example_of_every_key() -> None:
    makers = [name for name, _ in inspect.getmembers(LaneKeys) if not name.startswith("_")]
    prefixes = {"base", "state", "prefix", "lane"}
    assert len(EXAMPLES) == len(set(makers) - prefixes)


@pytest.mark.parametrize("kind", sorted(EXAMPLES))
def test_a_key_tells_what_it_is(kind: str) -> None:
    assert kind_of(EXAMPLES[kind]) == kind


def test_all_keys_of_a_lane_lie_in_one_slot_and_differ() -> None:
    assert all("{lane-17}" in key for key in EXAMPLES.values())
    assert len(set(EXAMPLES.values())) == len(EXAMPLES)


def test_only_runs_and_tasks_end() -> None:
    assert set(EXAMPLES) - PERMANENT == {"run", "task", "budget"}


@pytest.mark.parametrize(
    "key", ["", "other", "argosy:{lane-x}:lane", "argosy:{lane-1}:e1:unknown", "a:{lane-1}:task:"]
)
def test_a_key_that_is_not_ours_is_none(key: str) -> None:
    assert kind_of(key) is None


def test_who_is_there_lies_in_a_slot_of_the_fleet() -> None:
    keys = FleetKeys("argosy")
    assert {kind_of(keys.present), kind_of(keys.until)} == {"present"}
    assert "{fleet}" in keys.present
    assert "{fleet}" in keys.until


def test_the_budget_of_a_tenant_lies_in_a_slot_of_its_own() -> None:
    assert kind_of(TenantKeys("argosy", "a {tenant}").spent) == "budget"


def test_the_bucket_of_a_model_lies_in_a_slot_of_its_own() -> None:
    keys = ModelKeys("argosy", "openai:org/{odd} model@2", "team-a")
    assert {kind_of(key) for key in keys.all()} == {"model"}
    assert {model_of(key) for key in keys.all()} == {("openai:org/{odd} model@2", "team-a")}
    assert len({key[: key.index("}")] for key in keys.all()}) == 1
    assert {keys.state, keys.places, keys.held} <= set(keys.all())
