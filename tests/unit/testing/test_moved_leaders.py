"""In a simulation too a send finds the new leader of its partition: once, in order, and it takes longer."""

import asyncio

from argosy.broker.log import Outgoing, Partition
from argosy.testing.faults import Event
from argosy.testing.simulation import simulate
from argosy.testing.stage import plain_settings
from argosy.testing.world import World
from support.simulated_load import SimulatedLoad

TOPIC = "t"


def _record(number: int, partition: int) -> Outgoing:
    return Outgoing(TOPIC, b"k", b"%d" % number, (), partition)


def test_what_is_sent_is_there_once_and_in_order_though_the_leader_has_moved() -> None:
    for seed in range(20):
        world = World(plain_settings(), seed=seed)
        world.broker.create(TOPIC, 2)

        async def send(world: World = world) -> None:
            producer = await world.doors("somebody").kafka.producer()
            world.broker.move_leader(Partition(TOPIC, 0))
            alone = [asyncio.ensure_future(producer.send(_record(number, 0))) for number in range(5)]
            await asyncio.gather(*alone)
            world.broker.move_leader(Partition(TOPIC, 0))
            many = [_record(number, number % 2) for number in range(10, 20)]
            assert await producer.send_many(many) == [(n % 2, n // 2 - 5 * (n % 2)) for n in range(10, 20)]

        world.loop.run_until_complete(send())
        values = [[int(record.value or b"") for record in world.records(Partition(TOPIC, n))] for n in (0, 1)]
        world.close()
        assert sorted(values[0][:5]) == [0, 1, 2, 3, 4]  # sends at once have no order
        assert [values[0][5:], values[1]] == [[10, 12, 14, 16, 18], [11, 13, 15, 17, 19]]


def test_a_fleet_whose_leaders_all_move_again_and_again_goes_on() -> None:
    events = [Event(at / 4, "leaders_moved", "", 1000) for at in range(60)]
    outcome = simulate(5, "leaders", SimulatedLoad, events=events, trace=True)
    assert not outcome.findings, outcome.story[-4000:]
    assert outcome.runs >= 18
    assert outcome.story.count("leaders_moved") == 60
