"""What an attempt that is under way has recorded so far, out of its task's key in Redis; read only."""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from argosy.broker.keys import LaneKeys
from argosy.broker.redis_reads import RedisReads
from argosy.broker.values import decode_value
from argosy.console.dashboard_text import cut
from argosy.schemas.errors import InvalidInput
from argosy.schemas.ids import lane_of, task_id
from argosy.schemas.settings import Settings

MOST: Final = 200
_CHARACTERS: Final = 5_000
_PREFIX: Final = "m:"


async def memos_of(
    store: RedisReads, settings: Settings, run_id: str, local: str
) -> tuple[tuple[str, str, str], ...]:
    """Give title, note and text of each memo. Raises Unreachable."""
    keys = LaneKeys(settings.redis.key_prefix, lane_of(run_id, settings.fleet.lanes))
    fields = await store.hgetall(keys.task(task_id(run_id, local)))
    return told({name.decode(errors="replace"): value for name, value in fields.items()})


def told(fields: Mapping[str, bytes]) -> tuple[tuple[str, str, str], ...]:
    """Tell the memos among the fields of a task's key: turns of a conversation as calls and results. Pure."""
    memos = sorted(
        (name.removeprefix(_PREFIX), value) for name, value in fields.items() if name.startswith(_PREFIX)
    )
    return tuple(_told(name, value) for name, value in memos[:MOST])


def _told(name: str, data: bytes) -> tuple[str, str, str]:
    try:
        value = decode_value(data)
    except InvalidInput:
        return name, "recorded, and no JSON", cut(data.decode(errors="backslashreplace"), _CHARACTERS)
    match value:
        case {"calls": [*calls], "results": [*results], "text": _}:
            said = [f"the model asks for {_call(each)}" for each in calls]
            was = [f"a tool gave {_text(each)}" for each in results]
            turn = name.rpartition(":")[2]
            return (
                f"model call, turn {turn}",
                f"conversation {name[:12]}",
                cut("\n".join([*was, *said]), _CHARACTERS),
            )
        case _:
            return (
                f"step {name}",
                "recorded by this attempt, or an earlier one",
                cut(_text(value), _CHARACTERS),
            )


def _call(call: JsonValue) -> str:
    match call:
        case {"name": str(name), "arguments": arguments}:
            return f"{name} {_text(arguments)}"
        case _:
            return _text(call)


def _text(value: JsonValue) -> str:
    from pydantic_core import to_json  # noqa: PLC0415 - as little as this page needs

    return value if isinstance(value, str) else to_json(value, indent=2).decode()
