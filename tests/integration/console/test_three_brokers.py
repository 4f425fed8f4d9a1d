"""Three brokers: any one may die."""

import asyncio
from pathlib import Path

import pytest

from argosy.broker.cluster import KafkaCluster
from argosy.broker.provision import ensure
from argosy.schemas.errors import Unreachable
from argosy.schemas.settings import KafkaSettings, Settings
from support.stack import StackThread

pytestmark = pytest.mark.timeout(400)  # starts whole stacks, on machines that do other things too


async def made(cluster: KafkaCluster, settings: Settings) -> bool:
    """Make the topics; until the others have noticed that a broker is dead they may be sent to it."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await ensure(cluster, settings) == ()
            except Unreachable:
                await asyncio.sleep(0.1)


async def test_with_three_brokers_one_may_be_dead_and_topics_are_still_made(tmp_path: Path) -> None:
    with StackThread(tmp_path, brokers=3) as stack:
        assert len(stack.bootstrap_servers.split(",")) == 3
        stack.hold("kafka")
        kafka = KafkaSettings(bootstrap_servers=stack.bootstrap_servers, replication=2)
        cluster = KafkaCluster(kafka)
        try:
            assert await made(cluster, Settings(kafka=kafka))
        finally:
            await cluster.close()
        stack.resume("kafka")
