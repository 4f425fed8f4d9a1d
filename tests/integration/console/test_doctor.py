"""`argosy doctor` against real services, set up rightly and wrongly."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from argosy.broker.cluster import KafkaCluster
from argosy.broker.provision import ensure
from argosy.schemas.settings import KafkaSettings, Settings
from support.command_line import CommandLine
from support.stack import StackThread


@pytest.fixture
def prefix() -> str:
    return f"doctor-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def argosy(tmp_path: Path, stack: StackThread, prefix: str) -> CommandLine:
    return CommandLine(
        tmp_path,
        {
            "KAFKA_BOOTSTRAP_SERVERS": stack.bootstrap_servers,
            "REDIS_URL": stack.redis_url,
            "ARGOSY_KAFKA__TOPIC_PREFIX": prefix,
        },
    )


@pytest.fixture
async def topics(stack: StackThread, prefix: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers, topic_prefix=prefix)
    cluster = KafkaCluster(kafka)
    await ensure(cluster, Settings(kafka=kafka))
    await cluster.close()


@pytest.fixture
def evicting(stack: StackThread) -> Iterator[None]:
    with Redis(port=stack.redis_port) as client:
        client.execute_command("CONFIG SET maxmemory-policy allkeys-lru")  # pyright: ignore[reportUnknownMemberType]  # redis leaves a parameter untyped
        yield
        client.execute_command("CONFIG SET maxmemory-policy noeviction")  # pyright: ignore[reportUnknownMemberType]  # redis leaves a parameter untyped


def checks_of(output: str) -> dict[str, dict[str, str]]:
    told = json.loads(output)
    return {check["name"]: check for check in told["checks"]}


@pytest.mark.usefixtures("topics")
def test_where_all_is_well_it_says_so_and_ends_with_0(argosy: CommandLine) -> None:
    checks = checks_of(argosy("doctor", "--json").stdout)
    assert {check["verdict"] for check in checks.values()} == {"ok"}
    assert {"python", "java", "kafka", "topics", "redis", "redis settings", "payload store"} <= set(checks)
    assert argosy("doctor").stdout.splitlines()[-1] == "0 problems"
    assert list((argosy.folder / ".argosy" / "payloads").iterdir()) == []  # its probe is gone again


@pytest.mark.usefixtures("topics", "evicting")
def test_a_redis_that_evicts_is_a_problem_with_its_cure(argosy: CommandLine) -> None:
    check = checks_of(argosy("doctor", "--json", expect=1).stdout)["redis settings"]
    assert check["verdict"] == "problem"
    assert "noeviction" in check["do"]


def test_missing_topics_are_a_problem_with_their_cure(argosy: CommandLine, prefix: str) -> None:
    check = checks_of(argosy("doctor", "--json", expect=1).stdout)["topics"]
    assert check["found"] == f"{prefix}.dead is missing"
    assert "argosy up" in check["do"]


@pytest.mark.usefixtures("topics")
def test_another_number_of_lanes_than_the_settings_say_is_a_problem(argosy: CommandLine) -> None:
    other = CommandLine(argosy.folder, {**argosy.variables, "ARGOSY_FLEET__LANES": "3"})
    check = checks_of(other("doctor", "--json", expect=1).stdout)["topics"]
    assert check["do"].startswith("set ARGOSY_FLEET__LANES=8")


def test_services_that_do_not_answer_are_named_without_their_passwords(tmp_path: Path) -> None:
    variables = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
        "REDIS_URL": "redis://someone:hunter2@127.0.0.1:9/0",
    }
    done = CommandLine(tmp_path, variables)("doctor", "--json", expect=1)
    checks = checks_of(done.stdout)
    assert checks["kafka"]["verdict"] == checks["redis"]["verdict"] == "problem"
    assert "argosy up" in checks["kafka"]["do"]
    assert "127.0.0.1:9" in checks["redis"]["found"]
    assert "hunter2" not in done.stdout + done.stderr


def test_a_setting_that_cannot_be_is_a_problem(tmp_path: Path) -> None:
    command = CommandLine(tmp_path, {"ARGOSY_FLEET__LANES": "-1"})
    check = checks_of(command("doctor", "--json", expect=1).stdout)["settings"]
    assert "lanes" in check["why"]
