"""Values that can't travel are refused where they are given, with a clear error; nothing of them is sent."""

import math
from typing import Any

import pytest
from pydantic import BaseModel, JsonValue

from argosy import Context, Pipeline, agent
from argosy.broker.log import Partition
from argosy.schemas.errors import InvalidInput
from support.shell_world import ShellWorld, client_of, shell_world


class Box(BaseModel):
    value: Any


@agent
async def take(ctx: Context, box: Box) -> Box:  # noqa: ARG001 - an agent has a context
    return box


anything = Pipeline("anything", takes=Box, gives=Box)
anything.returns(anything.step(take, anything.input))


def nested(depth: int) -> JsonValue:
    """Lists in lists."""
    value: JsonValue = 1
    for _ in range(depth):
        value = [value]
    return value


BAD: dict[str, JsonValue] = {
    "NaN": math.nan,
    "infinity inside": {"a": [1, -math.inf]},
    "lone surrogate": "half a \ud83d pair",
    "lone surrogate as a key": {"\udfff": 1},
    "digits that no parser takes": 10**5_000,
    "deeper than any writer goes": nested(3_000),
    "deeper than a reader goes": nested(250),
}


async def sent(world: ShellWorld) -> int:
    """How many records are in the inbox."""
    partitions = await world.kafka.partitions(world.names.inbox)
    return sum(
        [(await world.kafka.edges(Partition(world.names.inbox, number)))[1] for number in range(partitions)]
    )


@pytest.mark.parametrize("case", BAD)
async def test_a_value_that_json_can_not_say_is_never_sent(case: str) -> None:
    async with shell_world() as world, client_of(world) as client:
        with pytest.raises(InvalidInput, match="no JSON"):
            await client.submit(anything, Box(value=BAD[case]))
        with pytest.raises(InvalidInput, match="no JSON"):
            await client.submit("anything", BAD[case])
        assert await sent(world) == 0
