"""What `argosy plan-capacity` reckons beside what runs really write and hold, in shapes that it was not measured on."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest
import pytest_asyncio

from argosy.console.plan_capacity_constants import constants
from argosy.console.plan_capacity_run import InRedis, Shape, in_redis, written
from support import capacity_taken
from support.capacity_world import PREFIX, Asked, Measured, capacity_world, measure

pytestmark = pytest.mark.timeout(900)  # the first one waits for all that is measured

KNOWN = constants()
SHAPES = (
    Asked(3, 20, 1_000),
    Asked(4, 5, 300),
    Asked(5, 12, 1_500),
    Asked(2, 12, 900),
    Asked(1, 6, 400),
    Asked(3, 120, 700),
    Asked(3, 3, 70_000),
    Asked(3, 5, 500, waits=True),
)
RECORDS = 0.04
"""How far reckoned records may be off."""
STATE = 0.07
"""How far a reckoned state may be off."""


@dataclass(frozen=True)
class Found:
    """What was measured: by shape, and on the disks of Kafka altogether."""

    by_shape: Mapping[Asked, Measured]
    on_disk: int


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def found(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Found]:
    async with capacity_world(tmp_path_factory.mktemp("capacity")) as world:
        measured, _ = await measure(world, SHAPES)
        yield Found(
            {each.asked: each for each in measured},
            capacity_taken.on_disk(world.fleet.stack.folder, PREFIX),
        )


def reckoned(measured: Measured) -> Shape:
    asked = measured.asked
    return Shape(asked.width, asked.depth, asked.payload_bytes, measured.pipeline_bytes)


def held(measured: Measured) -> InRedis:
    return in_redis(reckoned(measured), KNOWN)


ENDING = [shape for shape in SHAPES if not shape.waits]
JOINED = [shape for shape in ENDING if shape.joins]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", ENDING, ids=str)
async def test_a_run_writes_as_much_as_is_reckoned(found: Found, shape: Asked) -> None:
    measured = found.by_shape[shape]
    numbers: defaultdict[str, int] = defaultdict(int)
    sizes: defaultdict[str, int] = defaultdict(int)
    for row in written(reckoned(measured), KNOWN):
        numbers[row.topic] += row.number * shape.runs
        sizes[row.topic] += row.number * row.bytes_each * shape.runs
    really: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for name, count in measured.written.items():
        topic = name.partition("/")[0]
        really[topic] = really[topic][0] + count.number, really[topic][1] + count.bytes
    assert set(really) == set(numbers)
    for topic, (number, size) in really.items():
        if topic == "events":  # what changes in a run at once is told as one: there are fewer
            assert number <= numbers[topic]
            assert size <= sizes[topic]
        else:
            assert numbers[topic] == number, topic
            assert sizes[topic] == pytest.approx(size, rel=RECORDS), topic


@pytest.mark.asyncio(loop_scope="module")
async def test_brokers_store_the_records_and_at_most_a_head_for_each(found: Found) -> None:
    counts = [count for each in found.by_shape.values() for count in each.written.values()]
    records, size = sum(count.number for count in counts), sum(count.bytes for count in counts)
    assert size < found.on_disk <= size + records * KNOWN.records.batch


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", JOINED, ids=str)
async def test_a_run_under_way_holds_as_much_as_is_reckoned(found: Found, shape: Asked) -> None:
    measured = found.by_shape[shape]
    assert held(measured).begun == pytest.approx(measured.begun, rel=STATE)
    assert held(measured).full == pytest.approx(measured.full, rel=STATE)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("shape", ENDING, ids=str)
async def test_a_run_that_ended_leaves_as_much_as_is_reckoned(found: Found, shape: Asked) -> None:
    measured = found.by_shape[shape]
    assert held(measured).ended == pytest.approx(
        measured.ended, rel=STATE + (shape.payload_bytes > 65_536) * 0.1
    )


@pytest.mark.asyncio(loop_scope="module")
async def test_a_run_that_waits_holds_as_much_as_is_reckoned(found: Found) -> None:
    (measured,) = (each for shape, each in found.by_shape.items() if shape.waits)
    assert held(measured).waiting == pytest.approx(measured.full, rel=STATE)
