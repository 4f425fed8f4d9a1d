"""The container files can't be run here: they are held to the command line and to the examples."""

import shlex
from pathlib import Path
from typing import Any

import yaml

from argosy.console.commands import COMMANDS
from argosy.console.health import Role
from argosy.pipelines.discover import discover

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("argosy")}


def test_every_service_of_ours_runs_a_command_that_exists() -> None:
    commands = {service["command"][0] for service in OURS.values()}
    assert commands == {"coordinator", "gateway", "worker"} <= set(COMMANDS)


def test_the_gateway_starts_only_when_asked_for_has_a_token_and_is_this_host_s_alone() -> None:
    gateway = OURS["gateway"]
    assert gateway["profiles"] == ["gateway"]
    assert "ARGOSY_GATEWAY__TOKEN" in gateway["environment"]
    assert all(port.startswith("127.0.0.1:") for port in gateway["ports"])


def test_there_are_two_coordinators_and_one_service_per_agent_of_the_example() -> None:
    assert OURS["coordinator"]["deploy"]["replicas"] == 2
    targets = {service["command"][1] for service in OURS.values() if service["command"][0] == "worker"}
    assert targets == {
        f"briefing.py:{name}" for name in discover(str(ROOT / "examples" / "briefing.py")).agents
    }


def test_redis_never_evicts_and_keeps_its_data() -> None:
    words = SERVICES["valkey"]["command"]
    assert words[words.index("--maxmemory-policy") + 1] == "noeviction"
    assert words[words.index("--appendonly") + 1] == "yes"


def test_who_depends_on_a_service_waits_until_it_is_healthy() -> None:
    for service in OURS.values():
        assert set(service["depends_on"]) == {"kafka", "valkey"}
        assert all(other["condition"] == "service_healthy" for other in service["depends_on"].values())
    assert all("healthcheck" in SERVICES[name] for name in ("kafka", "valkey"))


def test_every_service_of_ours_is_probed_in_its_role() -> None:
    roles = {str(role) for role in Role}
    for service in OURS.values():
        program, command, option, role = service["healthcheck"]["test"][1:]
        assert (program, command, option) == ("argosy", "health", "--role")
        assert role == service["command"][0]
        assert role in roles
        assert {"interval", "timeout", "start_period", "retries"} <= set(service["healthcheck"])


def test_the_grace_before_a_kill_is_longer_than_a_drain() -> None:
    assert all(int(service["stop_grace_period"].removesuffix("s")) > 20 for service in OURS.values())


def test_the_image_is_built_from_files_that_are_there_and_runs_as_no_root() -> None:
    lines = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8").splitlines()
    copied = [shlex.split(line)[1] for line in lines if line.startswith("COPY") and "--from" not in line]
    assert all((ROOT / source).exists() for source in copied)
    assert any(line == "USER argosy" for line in lines)
