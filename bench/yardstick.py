"""A fixed piece of work, to hold CPU times to: what costs twice as much of it on one machine does so on another.

It is of the kind that argosy does all day (JSON read into models and written, small dictionaries, tasks of asyncio),
and no line of argosy is in it. `yardstick.py`: prints the CPU microseconds of one record, the least of some rounds.
"""

import asyncio
import hashlib
import time

import uvloop
from pydantic import BaseModel, JsonValue

ROUNDS = 7
RECORDS = 4_000
TEXT = "a line of some thirty letters. " * 20


class Record(BaseModel):
    """Something like a dispatch."""

    task_id: str
    attempt: int
    inputs: list[JsonValue]


def _body(number: int) -> bytes:
    return Record(task_id=f"run-{number}/step", attempt=1, inputs=[{"text": TEXT}]).model_dump_json().encode()


async def _handled(record: Record) -> JsonValue:
    return record.inputs[0]


async def _one(body: bytes, seen: dict[str, tuple[int, str]]) -> int:
    record = Record.model_validate_json(body)
    given = await asyncio.create_task(_handled(record))
    answer = Record(task_id=record.task_id, attempt=record.attempt + 1, inputs=[given])
    written = answer.model_dump_json().encode()
    seen[answer.task_id] = (len(written), hashlib.sha256(written).hexdigest())
    return len(written)


async def _round() -> float:
    bodies = [_body(number) for number in range(RECORDS)]
    seen: dict[str, tuple[int, str]] = {}
    began = time.process_time()
    for first in range(0, RECORDS, 100):
        await asyncio.gather(*(_one(body, seen) for body in bodies[first : first + 100]))
    return (time.process_time() - began) / RECORDS


async def main() -> float:
    """Give the least CPU seconds of a record."""
    return min([await _round() for _ in range(ROUNDS)])


if __name__ == "__main__":
    print(uvloop.run(main()) * 1e6)
