"""`argosy doctor` against real services, set up rightly and wrongly."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis

from argosy.broker.cluster import KafkaCluster
from argosy.broker.presence import Beat
from argosy.broker.provision import ensure
from argosy.broker.redis import RedisStore
from argosy.broker.topics import TopicPlan, plan
from argosy.schemas.settings import KafkaSettings, RedisSettings, Settings
from support.command_line import CommandLine
from support.stack import StackThread
from support.valkey import Valkey
from support.waiting import eventually


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


async def make(stack: StackThread, prefix: str, **changes: tuple[int, dict[str, str]]) -> None:
    """Make a fleet's topics; of those named, with another number of partitions or other configs."""
    kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers, topic_prefix=prefix)
    plans: list[TopicPlan] = []
    for each in plan(Settings(kafka=kafka)):
        partitions, configs = changes.get(each.name.rpartition(".")[2], (each.partitions, {}))
        plans.append(replace(each, partitions=partitions, configs={**each.configs, **configs}))
    cluster = KafkaCluster(kafka)
    await cluster.create(plans)
    await cluster.close()


async def test_retention_below_the_rule_and_too_few_partitions_are_told_with_their_cures(
    argosy: CommandLine, stack: StackThread, prefix: str
) -> None:
    await make(stack, prefix, runs=(8, {"retention.ms": "3600000"}), inbox=(1, {}))
    done = await asyncio.to_thread(argosy, "doctor", "--json")
    topics = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "topics"]
    told = {check["found"]: (check["verdict"], check["do"]) for check in topics}
    keep = "--add-config retention.ms"
    days = 2 * (7 + 2) * 86_400_000
    assert told == {
        f"{prefix}.inbox has 1 partition, not 4": (
            "warning", f"kafka-topics.sh --alter --topic {prefix}.inbox --partitions 4",
        ),
        f"{prefix}.runs has retention.ms=3600000, not {days}": (
            "warning",
            f"kafka-configs.sh --alter --entity-type topics --entity-name {prefix}.runs {keep}={days}",
        ),
    }  # fmt: skip


@pytest.mark.usefixtures("topics")
def test_a_redis_that_keeps_nothing_on_disk_is_told_with_its_cure(
    argosy: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with Valkey(folder, "--appendonly", "no") as server:
        other = CommandLine(argosy.folder, {**argosy.variables, "REDIS_URL": server.url})
        check = checks_of(other("doctor", "--json").stdout)["redis settings"]
    assert check["verdict"] == "warning"
    assert "appendonly yes" in check["do"]


@pytest.mark.usefixtures("topics")
def test_a_payload_store_that_can_not_be_reached_is_a_problem_with_its_cure(argosy: CommandLine) -> None:
    (argosy.folder / "file").write_text("no folder")
    other = CommandLine(argosy.folder, {**argosy.variables, "ARGOSY_PAYLOADS": "file/payloads"})
    check = checks_of(other("doctor", "--json", expect=1).stdout)["payload store"]
    assert (check["verdict"], check["found"]) == ("problem", "the payload store can't be used")
    assert check["why"]
    assert "payload" in check["do"].lower() or "folder" in check["do"]


@pytest.mark.usefixtures("topics")
async def test_a_process_of_another_release_is_told_with_its_version(
    argosy: CommandLine, stack: StackThread, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argosy.broker.presence._release", lambda: "0.0.9")
    store = RedisStore(RedisSettings(url=SecretStr(stack.redis_url)))
    beat = Beat(store, prefix, "worker", "elsewhere-1", lambda: ({}, {}))
    beating = asyncio.create_task(beat.run(), name="beat")
    try:
        other = CommandLine(argosy.folder, {**argosy.variables, "ARGOSY_REDIS__KEY_PREFIX": prefix})

        async def told() -> bool:
            checks = checks_of((await asyncio.to_thread(other, "doctor", "--json")).stdout)
            check = checks.get("versions", {"found": "", "do": ""})
            return "0.0.9: worker elsewhere-1" in check["found"] and "finish the roll-out" in check["do"]

        await eventually(told, "the other release is told")
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await store.close()
