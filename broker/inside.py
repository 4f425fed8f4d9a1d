"""The few things that aiokafka 0.14 knows and doesn't tell. Nobody else reads its private names."""
# ruff: noqa: SLF001 - that is what this module is for
# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Iterator
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

STOP_SECONDS: Final = 10.0


def assignment_of(consumer: AIOKafkaConsumer) -> object | None:
    """Return a token of the assignment that fetches are made under: another one after each rebalance.

    The public `assignment()` gives a set of partitions, equal before and after a rebalance that gave the same back.
    """
    subscription = consumer._subscription.subscription
    return subscription.assignment if subscription is not None else None


def positions_of(consumer: AIOKafkaConsumer) -> Iterator[tuple[TopicPartition, int]]:
    """Yield each assigned partition with its position, without waiting: those that have none yet are left out.

    The public `position()` may wait, and between a fetch and its answer the position could then be another one.
    """
    subscription = consumer._subscription.subscription
    assignment = subscription.assignment if subscription is not None else None
    if assignment is not None and assignment.active:
        for partition in assignment.tps:
            state = assignment.state_value(partition)
            if state is not None and state.has_valid_position:
                yield partition, state.position


def is_member(consumer: AIOKafkaConsumer) -> bool:
    """Say whether the consumer believes to be in its group.

    After an expulsion its commits would go out under no generation at all, and an empty group takes such commits.
    """
    coordinator = consumer._coordinator
    return coordinator is not None and coordinator.generation > 0


def abandon(producer: AIOKafkaProducer, error: KafkaError) -> None:
    """Fail everything that the producer still holds, so that stopping it waits for nothing."""
    producer._message_accumulator.fail_all(error)


async def close(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer, soon and whatever state it is in; never raises an error of the library.

    Its own `stop` ends in a CancelledError, with the connections open, when a fetch is waiting to be tried again, and
    when the consumer was started in this very turn; and it may wait for a coordinator that is away. A caller that is
    cancelled meanwhile still leaves it closed.
    """
    closing = asyncio.create_task(_close(consumer), name="close consumer")
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait({closing})
        raise


async def _close(consumer: AIOKafkaConsumer) -> None:
    await asyncio.sleep(0)
    stopping = asyncio.create_task(consumer.stop(), name="stop consumer")
    await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait({stopping})
    if stopping.cancelled() or stopping.exception() is not None:
        if consumer._fetcher is not None:
            for fetch in consumer._fetcher._pending_tasks:
                fetch.cancel()
        await consumer._client.close()
