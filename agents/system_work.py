"""What a worker does itself, in place of the agent's function: plan pages, join lists."""

import asyncio
from typing import TYPE_CHECKING, cast

from argosy.agents.page_plan import join, plan_pages
from argosy.broker.values import CountTokens, decode_value, encode_value
from argosy.schemas.contract import Contract
from argosy.schemas.task import SystemOrder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import JsonValue

    from argosy.pipelines.port import Given


async def do(
    order: SystemOrder, given: "Mapping[str, Given]", contract: Contract, count: CountTokens
) -> bytes:
    """Do it, and give the JSON of its result; in a thread, as it may be long.

    Raises ContextRefused, InvalidInput; nothing of it is retried with another outcome. Idempotent.
    """
    values = cast("Mapping[str, JsonValue]", decode_value(encode_value(cast("JsonValue", dict(given)))))
    match order.kind:
        case "pages":
            plan = await asyncio.to_thread(plan_pages, values, contract, order.room or 0, count)
            return plan.model_dump_json().encode()
        case "join":
            (results,) = values.values()
            joined = join(cast("list[JsonValue]", results))
            return await asyncio.to_thread(encode_value, joined)
