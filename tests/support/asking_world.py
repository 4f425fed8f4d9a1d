"""A fleet on the twins whose workers refuse every call for want of budget, until it is large enough."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Final, cast

from argosy.broker.memory_redis import MemoryRedis
from argosy.client import budgets
from argosy.client.connection import Argosy
from argosy.client.run import Run
from argosy.schemas.fault import Fault
from argosy.schemas.task import TaskDispatched
from support.shell_world import ShellWorld, client_of, hello, settings_of, shell_world
from support.waiting import eventually

if TYPE_CHECKING:
    from argosy.console.process_life import Services

ENOUGH: Final = 1_000


def handler(order: TaskDispatched) -> str | Fault:
    """Refuse by the budget that the dispatch tells."""
    limit = order.budget or 0
    if limit >= ENOUGH:
        return "done"
    figures = {"limit_tokens": limit, "spent_tokens": 0, "asked_tokens": ENOUGH}
    return Fault(code="budget_spent", message=f"0 of {limit} tokens spent", figures=figures)


def services_of(world: ShellWorld) -> "Services":
    """What pages and commands look at."""
    store = MemoryRedis(world.server)
    found = SimpleNamespace(
        settings=world.settings, cluster=world.kafka, store=store, payloads=world.payloads
    )
    return cast("Services", found)


async def until_asking(world: ShellWorld, *runs: Run[str]) -> None:
    """Wait until all of them ask."""
    links = services_of(world)

    async def asking() -> bool:
        found = [await budgets.of_run(links, run.run_id) for run in runs]
        return all(each is not None and each.asking.waiting for each in found)

    await eventually(asking, "the runs ask")


@asynccontextmanager
async def asking_world(runs: int = 1) -> AsyncGenerator[tuple[ShellWorld, Argosy, list[Run[str]]]]:
    """Start runs `r0`, `r1`, … that ask."""
    async with shell_world(settings_of()) as world, client_of(world) as client:
        world.handler = handler
        asked = [
            await client.submit(hello, "x", run_id=f"r{number}", budget=500, on_spent="ask")
            for number in range(runs)
        ]
        await until_asking(world, *asked)
        yield world, client, asked
