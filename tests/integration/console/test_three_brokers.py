"""Three brokers: any one may die."""

from pathlib import Path

import pytest

from argosy.broker.cluster import KafkaCluster
from argosy.broker.provision import ensure
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import KafkaSettings, Settings
from support.stack import StackThread
from support.waiting import eventually

pytestmark = pytest.mark.timeout(600)  # starts whole stacks, on machines that do other things too


async def until_made(cluster: KafkaCluster, settings: Settings) -> None:
    """Make the topics; until the others have noticed that a broker is dead it may be asked, or lead."""
    told: list[object] = []

    async def made() -> bool:
        try:
            wrong = await ensure(cluster, settings)
        except Unreachable as error:
            told.append(error)
            return False
        told.append(wrong)
        return not wrong

    try:
        await eventually(made, "all topics are there, and led", seconds=240)
    except AssertionError as error:
        error.add_note(f"at last: {told[-1:]}")
        raise


async def test_with_three_brokers_one_may_be_dead_and_topics_are_still_made(tmp_path: Path) -> None:
    with StackThread(tmp_path, brokers=3) as stack:
        assert len(stack.bootstrap_servers.split(",")) == 3
        stack.hold("kafka")
        kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers, replication=2)
        cluster = KafkaCluster(kafka)
        try:
            await until_made(cluster, Settings(kafka=kafka))
        finally:
            await cluster.close()
        stack.resume("kafka")
