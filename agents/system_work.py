"""What a worker does itself, in place of the agent's function: plan pages, join lists, summarise a page."""

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from argosy.agents.guard import Guard
from argosy.agents.page_plan import join, plan_pages
from argosy.agents.summary import OVER_PER_MILLE, PROMPT_TOKENS, Asking, summarise
from argosy.agents.summary_plan import Limits, plan_summaries
from argosy.broker.values import CountTokens, decode_value, encode_value
from argosy.schemas.task import SystemDispatched, SystemOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic import JsonValue

    from argosy.pipelines.port import Given


@dataclass(frozen=True, slots=True)
class SystemWork:
    """The work of one order."""

    body: SystemDispatched
    count: CountTokens
    context: "Callable[[], Asking]"
    """Makes the context, of which only a summary has need."""

    async def do(self, order: SystemOrder, given: "Mapping[str, Given]") -> bytes:
        """Do it, and give the JSON of its result; in a thread, as it may be long.

        Raises ContextRefused, InvalidInput; nothing of a plan or a join is retried with another outcome; a summary
        raises as its model does, and Retry. Idempotent.
        """
        body, values = self.body, cast("Mapping[str, JsonValue]", given)
        match order.kind:
            case "pages":
                values = cast("Mapping[str, JsonValue]", decode_value(encode_value(dict(values))))
                plan = await asyncio.to_thread(
                    plan_pages, values, body.contract, order.room or 0, self.count, body.factor
                )
                return plan.model_dump_json().encode()
            case "summaries":
                limits = self._limits(order.room or 0)
                shares = await asyncio.to_thread(plan_summaries, values, body.contract, limits, self.count)
                return shares.model_dump_json().encode()
            case "summary":
                (page,) = (cast("dict[str, JsonValue]", page) for page in values.values())
                budget = cast("int", page["budget"])
                text = await summarise(self.context(), cast("str", page["text"]), budget, self.count)
                return encode_value(text)
            case "join":
                (results,) = cast(
                    "Mapping[str, JsonValue]", decode_value(encode_value(dict(values)))
                ).values()
                joined = join(cast("list[JsonValue]", results))
                return await asyncio.to_thread(encode_value, joined)

    def _limits(self, room: int) -> Limits:
        body = self.body
        prompt = Guard(body.contract, body.window, body.factor).room
        # Room for a summary that is over its budget by as much as may be: else it would be cut off.
        answer = body.contract.reserve * 1_000_000 // (body.factor * OVER_PER_MILLE)
        return Limits(room, (room if prompt is None else prompt) - PROMPT_TOKENS, max(1, answer), body.factor)
