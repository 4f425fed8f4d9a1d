"""From a handler's value to what `task.settled` carries: a payload, and the facts that the plan asks for."""

from collections.abc import Iterable
from dataclasses import dataclass

from argosy.agents.patience import patiently
from argosy.agents.services import Services
from argosy.broker.facts import answer
from argosy.broker.values import decode_value, to_payload
from argosy.schemas.errors import FactsTooLarge, InvalidInput, InvalidResult, ResultTooLarge
from argosy.schemas.facts import Facts, tainted_facts
from argosy.schemas.fault import Fault, fault_of
from argosy.schemas.payload import Inline, Payload, tainted
from argosy.schemas.plain_dispatch import Dispatch
from argosy.schemas.taint import UNTAINTED, Taint


@dataclass(frozen=True, slots=True)
class Result:
    """What a success settles with."""

    payload: Payload
    facts: Facts


async def result_of(
    data: bytes, body: Dispatch, services: Services, taint: Taint = UNTAINTED, inputs: Iterable[Payload] = ()
) -> Result | Fault:
    """Make the result of a value's JSON, or the fault of one that is too large.

    `inputs` are those that its handler was given: one that it hands on isn't counted again.
    It, and the lists in its facts, carry the taint of all that its handler saw. Waits for the payload store.
    """
    limit = services.settings.fleet.hard_result_bytes
    if len(data) > limit:
        message = f"the result has {len(data)} bytes, at most {limit} may be"
        return fault_of(ResultTooLarge(message)).model_copy(
            update={"figures": {"bytes": len(data), "limit": limit}}
        )
    try:
        payload = await patiently(
            lambda: to_payload(data, services.count_tokens, services.payloads, inputs),
            f"storing the value of {body.task_id}",
        )
    except InvalidInput as error:  # nested too deep, or a number of thousands of digits
        return fault_of(InvalidResult(f"the result can't be read back: {error}"))
    payload = tainted(payload, taint)
    if not body.wants:
        return Result(payload, {})
    value = payload.value if isinstance(payload, Inline) else decode_value(data)
    try:
        facts = await patiently(
            lambda: answer(value, body.wants, services.count_tokens, services.payloads),
            f"storing the parts of {body.task_id}",
        )
    except FactsTooLarge as error:
        return fault_of(error)
    return Result(payload, tainted_facts(facts, taint))
