"""The few things that aiokafka 0.14 knows and doesn't tell. Nobody else reads its private names."""
# ruff: noqa: SLF001 - that is what this module is for
# pyright: reportPrivateUsage=false

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, ProducerClosed

STOP_SECONDS: Final = 8.0
"""A client may take so long to stop by itself: to hand on what it holds, and to leave its group."""
FORCE_SECONDS: Final = 1.0
"""Each step of what is done about one that doesn't may take so long."""

AnyClient = AIOKafkaConsumer | AIOKafkaProducer
_BEATS: Final = "tells the group that we live"


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


def ended_task(client: AnyClient) -> tuple[str, str] | None:
    """Return what the client's background task that has ended was for, and why it did; None: all go on.

    None too for a client that was stopped, or is being stopped: then they end.
    """
    if client._closed:
        return None
    for work, task in _tasks(client):
        if task is None or not task.done():
            continue
        if task.cancelled():
            return work, "it was cancelled"
        error = task.exception()
        if error is not None:
            return work, _chain(error)
        # It ends with a membership, and another begins with the next.
        if work != _BEATS or (isinstance(client, AIOKafkaConsumer) and is_member(client)):
            return work, "it returned"
    return None


def _tasks(client: AnyClient) -> Iterator[tuple[str, asyncio.Task[None] | None]]:
    if isinstance(client, AIOKafkaProducer):
        yield "sends", client._sender.sender_task
        yield "asks for topics and leaders", client.client._sync_task
        return
    yield "asks for topics and leaders", client._client._sync_task
    if client._fetcher is not None:
        yield "fetches", client._fetcher._fetch_task
    if client._coordinator is not None and client._group_id is not None:
        yield "joins the group", client._coordinator._coordination_task
        yield _BEATS, client._coordinator._heartbeat_task


def _chain(error: BaseException) -> str:
    """Name an error with what lies behind it: the library's own says nothing."""
    said: list[str] = []
    behind: BaseException | None = error
    while behind is not None:
        said.append(f"{type(behind).__name__}: {behind}" if str(behind) else type(behind).__name__)
        behind = behind.__cause__
    return ", from ".join(said)


async def close(client: AnyClient) -> bool:
    """Stop a client, soon and whatever state it is in; never raises an error of the library.

    Say whether its own `stop` did it. That ends in a CancelledError, with the connections open, when a fetch is waiting
    to be tried again, and when a consumer was started in this very turn; it raises what a task of the client has ended
    with; and it may wait for a coordinator that is away, or for a leader to take what is unsent, which then fails as
    ProducerClosed. A caller that is cancelled meanwhile still leaves it closed.
    """
    closing = asyncio.create_task(_close(client), name="close client")
    try:
        return await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.wait({closing})
        raise


async def _close(client: AnyClient) -> bool:
    await asyncio.sleep(0)
    stopping = asyncio.create_task(client.stop(), name="stop client")
    await asyncio.wait({stopping}, timeout=STOP_SECONDS)
    if not stopping.done():
        stopping.cancel()
        await asyncio.wait({stopping}, timeout=FORCE_SECONDS)
    if stopping.done() and not stopping.cancelled() and stopping.exception() is None:
        return True
    tasks: list[asyncio.Task[Any]] = [task for _, task in _tasks(client) if task is not None]
    if isinstance(client, AIOKafkaProducer):
        abandon(client, ProducerClosed())
    elif client._fetcher is not None:
        tasks += client._fetcher._pending_tasks
    for task in tasks:
        task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(FORCE_SECONDS):
            # Before the tasks: what is under way fails with its connection, and its task is waited for by another one.
            # Its own stop may have cancelled some.
            await asyncio.gather(*_closings(client), return_exceptions=True)
            await asyncio.gather(*tasks, return_exceptions=True)
    _closings(client)  # one that was being opened just now
    return False


def _closings(client: AnyClient) -> list[asyncio.Future[None]]:
    inner = client.client if isinstance(client, AIOKafkaProducer) else client._client
    closings = [connection.close() for connection in list(inner._conns.values())]
    return [closing for closing in closings if closing is not None]
