"""A bad network between a fleet and its servers: slow, cut, half open, deaf, forgetful. Work waits, none is lost."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from argosy.testing.proxy import Link, Proxies
from argosy.testing.weather import CUT, DEAF, HALF_OPEN, MUTE, STALLED, Weather
from support.diamonds import Diamonds
from support.fault_world import FaultWorld, Ground, client_of, fault_world
from support.forks import Forks
from support.small_fleet import SESSION_SECONDS
from support.stack import StackThread

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(1200)]

REDIS_SECONDS: Final = 1.5
"""After which a process gives a silent Redis up."""
SLOW: Final = Weather(latency_seconds=0.15, jitter_seconds=0.05)
FORGETFUL: Final = Weather(lost_replies=0.05)
BAD: Final = {
    "slow": SLOW,
    "narrow": Weather(bytes_per_second=100_000),
    "cut": CUT,
    "stalled": STALLED,
    "half_open": HALF_OPEN,
    "deaf": DEAF,
    "mute": MUTE,
    "forgetful": FORGETFUL,
}
WITHIN_SECONDS: Final = 240.0
"""All that was submitted before ends within this time after the weather has cleared, whatever it was."""


class Network:
    """Both ways out of the fleet, and a load."""

    def __init__(self, kafka: Link, redis: Link, diamonds: Diamonds) -> None:
        self.links = {"kafka": kafka, "redis": redis}
        self.diamonds = diamonds


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def network(tmp_path_factory: pytest.TempPathFactory, forks: Forks) -> AsyncIterator[Network]:
    folder = tmp_path_factory.mktemp("networks")
    with StackThread(folder / "stack", doors=1) as stack, Proxies() as proxies:
        (door,) = stack.cluster.brokers[0].doors
        kafka, redis = proxies.link(door.port, door.advertised), proxies.link(stack.redis_port)
        variables = {
            "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": kafka.address,
            "ARGOSY_REDIS__URL": f"redis://{redis.address}/0",
            "ARGOSY_REDIS__TIMEOUT_SECONDS": str(REDIS_SECONDS),
        }
        ground = Ground(folder, forks, stack.bootstrap_servers, stack.redis_url)
        async with fault_world(ground, workers=2, variables=variables) as world, client_of(world) as client:
            diamonds = Diamonds(world, client)
            await diamonds.submit(4)
            await diamonds.ended()
            yield Network(kafka, redis, diamonds)


@pytest.mark.parametrize("service", ["kafka", "redis"])
@pytest.mark.parametrize("kind", list(BAD))
async def test_work_goes_on_when_the_network_to_a_service_was(
    kind: str, service: str, network: Network
) -> None:
    link, diamonds = network.links[service], network.diamonds
    enough = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(diamonds.keep_on(enough), name="load")
        await asyncio.to_thread(link.set, BAD[kind])
        await asyncio.sleep(SESSION_SECONDS)  # long enough for leases and sessions to run out
        await asyncio.to_thread(link.clear)
        enough.set()
    await diamonds.ended(seconds=WITHIN_SECONDS)


async def test_after_all_that_every_promise_was_kept(network: Network) -> None:
    # A worker that is cut off from Redis can't know that its lease is over: its effects are made again by another.
    await network.diamonds.judged(most_again=len(network.diamonds.acknowledged))
    world: FaultWorld = network.diamonds.world
    assert "quarantine" not in world.said()
