"""Records as a stranger with a bad client, or bad will, may write them: right ones, changed by seeded chance."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Literal, cast

from argosy.schemas.ids import lane_of
from support.fault_app import harming
from support.raw_kafka import headers
from support.small_fleet import PARTS

Headers = list[tuple[str, bytes | None]]
Kind = Literal["inbox", "runs", "tasks.harm", "results", "events", "pipelines"]
_SHARES: Final[dict[Kind, int]] = {
    "inbox": 50, "runs": 18, "tasks.harm": 18, "results": 6, "events": 4, "pipelines": 4
}  # fmt: skip
_LARGE_BYTES: Final = 200_000
_LARGE_PER_MILLE: Final = 4
_ODD: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 10**30, 1.5, "", "x" * 300, "\x00", "a/b", [], {}, [[]], {"": 0}
)  # fmt: skip
_BYTES: Final = (b"", b"\xff\xfe", b"\x00" * 8, b"argosy", b"9" * 60, b"-1", b"a" * 3_000, b"1.0")


@dataclass(frozen=True)
class Mutated:
    """One record to be sent."""

    topic: Kind
    partition: int
    value: bytes | None
    headers: Headers


def mutations(seed: int, many: int) -> Iterator[Mutated]:
    """Make so many, the same ones for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - a reproducible choice, no secret
    topics, weights = list(_SHARES), list(_SHARES.values())
    for number, topic in zip(count(), chance.choices(topics, weights, k=many), strict=False):
        run_id = f"m{seed}-{number}"
        kind, body = _base(topic, run_id, chance)
        heads = headers(kind, run_id, ce_id=f"{run_id}/id".encode())
        value: bytes | None = json.dumps(body).encode()
        for _ in range(chance.choice((1, 1, 2, 3))):
            if chance.random() < 0.5:
                heads = _headers(heads, chance)
            else:
                value = _value(value, chance)
        partition = 0 if topic == "pipelines" else lane_of(run_id, PARTS)
        yield Mutated(topic, partition, value, heads)


def _base(topic: Kind, run_id: str, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A right message of that topic; outside of the inbox about runs that nobody knows."""
    settle = {"task_id": f"{run_id}/harm", "attempt": 1, "outcome": "failed", "worker": "w", "deliveries": 1}
    match topic:
        case "inbox":
            submit = {"pipeline": harming.compile().model_dump(mode="json"), "input": {"kind": "quick"}}
            return chance.choice(
                (
                    ("run.submitted", submit),
                    ("run.submitted", submit),
                    ("signal.sent", {"name": "news", "value": [1]}),
                    ("cancel.requested", {"reason": "why not"}),
                )
            )
        case "tasks.harm":
            contract = harming.compile().agents["harm"].model_dump(mode="json", exclude={"inputs", "output"})
            order = {"task_id": f"{run_id}/harm", "step": "harm", "agent": "harm", "attempt": 1, "lane": 0}
            return "task.dispatched", {**order, "deadline_ms": 1, "run_deadline_ms": 1, "contract": contract}
        case "runs":
            recorded = {"task_id": f"{run_id}/harm", "attempt": 1, "name": "n", "value": {"value": 1}}
            return chance.choice(
                (
                    ("task.settled", settle),
                    ("step.recorded", recorded),
                    ("timer.fired", {"name": "deadline", "armed": 1}),
                )
            )
        case _:
            return "task.settled", settle


def _headers(heads: Headers, chance: random.Random) -> Headers:
    at = chance.randrange(max(1, len(heads)))
    if not heads:
        return [("ce_id", b"x")]
    name, value = heads[at]
    ways: tuple[Callable[[], Headers], ...] = (
        lambda: heads[:at] + heads[at + 1 :],
        lambda: [*heads[:at], (name, chance.choice(_BYTES)), *heads[at + 1 :]],
        lambda: [*heads[:at], (name, None), *heads[at + 1 :]],
        lambda: [*heads[:at], (name, _flipped(value or b"x", chance)), *heads[at + 1 :]],
        lambda: [*heads, (name, chance.choice(_BYTES))],
        lambda: [*heads, (f"x{chance.randrange(9)}", chance.randbytes(chance.randrange(400)))],
        lambda: [
            *heads,
            ("traceparent", chance.choice((b"00-0-0-00", chance.randbytes(40), b"00-" + b"f" * 52))),
        ],
        lambda: [*heads, ("ce_time", chance.choice((b"yesterday", b"1970-01-01T00:00:00Z", b"9999-99-99")))],
        lambda: [*heads, *((f"y{n}", b"z" * 50) for n in range(chance.choice((10, 2_000))))],
    )
    return chance.choice(ways)()


def _value(value: bytes | None, chance: random.Random) -> bytes | None:
    if chance.randrange(1000) < _LARGE_PER_MILLE:
        return (value or b"") + b" " * _LARGE_BYTES
    ways: tuple[Callable[[bytes], bytes | None], ...] = (
        lambda _: None,
        lambda _: chance.randbytes(chance.randrange(200)),
        lambda all_of: all_of[: chance.randrange(len(all_of) + 1)],
        lambda all_of: _flipped(all_of, chance),
        lambda all_of: all_of + b"}",
        lambda _: b"[" * chance.choice((10, 5_000)),
    )
    given = value or b"{}"
    return _otherwise(given, chance) if chance.random() < 0.5 else chance.choice(ways)(given)


def _flipped(value: bytes, chance: random.Random) -> bytes:
    if not value:
        return b"\x00"
    at = chance.randrange(len(value))
    return value[:at] + bytes([value[at] ^ (1 << chance.randrange(8))]) + value[at + 1 :]


def _otherwise(value: bytes, chance: random.Random) -> bytes:
    """The same JSON with one part replaced, dropped or added, anywhere in it."""
    try:
        whole = json.loads(value)
    except (ValueError, RecursionError):
        return value + b"\x00"
    places: list[tuple[Any, Any]] = []

    def look(part: Any) -> None:  # noqa: ANN401 - JSON
        found = cast("dict[str, Any] | list[Any]", part) if isinstance(part, dict | list) else []
        inside: list[tuple[Any, Any]] = list(found.items() if isinstance(found, dict) else enumerate(found))
        for key, inner in inside:
            places.append((found, key))
            look(inner)

    look(whole)
    if not places:
        return json.dumps([whole]).encode()
    owner, key = chance.choice(places)
    match chance.randrange(3):
        case 0:
            owner[key] = chance.choice(_ODD)
        case 1:
            del owner[key]
        case _ if isinstance(owner, dict):
            owner[chance.choice(("", "more", "x" * 200, "facts"))] = chance.choice(_ODD)
        case _:
            owner.append(chance.choice(_ODD))
    return json.dumps(whole).encode()
