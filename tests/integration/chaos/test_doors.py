import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from argosy.broker.cluster import KafkaCluster
from argosy.broker.log import Outgoing
from argosy.broker.topics import TopicPlan
from argosy.schemas.settings import KafkaSettings
from argosy.testing.proxy import Proxies
from argosy.testing.weather import CUT
from support.stack import StackThread


async def test_who_comes_through_a_door_of_kafka_feels_its_weather_and_no_one_else_does(
    tmp_path: Path,
) -> None:
    with StackThread(tmp_path, doors=2) as stack, Proxies() as proxies:
        links = [proxies.link(door.port, door.advertised) for door in stack.cluster.brokers[0].doors]
        async with AsyncExitStack() as closing:
            clusters: list[KafkaCluster] = []
            for door in range(2):
                servers = stack.cluster.behind(door)
                settings = KafkaSettings(bootstrap_servers=servers, send_deadline_seconds=240)
                clusters.append(KafkaCluster(settings))
                closing.push_async_callback(clusters[door].close)
            await clusters[0].create([TopicPlan("doors", 1, 1, {})])
            cut, other = [await cluster.producer() for cluster in clusters]
            assert await cut.send(Outgoing("doors", b"k", b"0", (), 0)) == (0, 0)
            assert links[0].figures.bytes_up > 0
            assert links[1].figures.bytes_up == 0
            links[0].set(CUT)
            sending = asyncio.create_task(cut.send(Outgoing("doors", b"k", b"late", (), 0)))
            assert await other.send(Outgoing("doors", b"k", b"1", (), 0)) == (0, 1)
            assert not sending.done()
            links[0].clear()
            assert await sending == (0, 2)
            assert links[0].figures.resets > 0
