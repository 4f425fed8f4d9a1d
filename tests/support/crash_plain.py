"""What the oracle of the kill matrix judges: raw records, stored bytes and keys, read by hand.

Nothing of the program decodes them. So a codec that writes and reads the same mistake can't hide it.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from support.witness import Line

_TYPE: Final = re.compile(r"argosy\.([a-z.]+)\.v[12]")
_KEY: Final = re.compile(
    r"[^{]+:\{lane-\d+\}:"
    r"(?:(?P<fixed>lane|live)|task:(?P<task>.+)|budget:.+"
    r"|e[^:]+:(?:(?P<agents>agents|windows)|(?P<work>timers|out|wait|outbox|quarantine|ready:.+)|run:(?P<run>.+)))"
)
_FLEET: Final = re.compile(r"[^{]+:\{(fleet\}:(present|until|full|factors)|model-[^}]+\}:[a-z]+)")


@dataclass(frozen=True)
class Plain:
    """One record: CloudEvents headers, and the body as JSON. `kind` is "" for what isn't one of these messages."""

    topic: str
    partition: int
    offset: int
    kind: str
    id: str
    run_id: str
    cause: int | None
    body: bytes
    data: dict[str, Any] = field(default_factory=dict[str, Any])


def plain(
    topic: str,
    partition: int,
    offset: int,
    headers: Iterable[tuple[str, bytes | None]],
    body: bytes,
) -> Plain:
    """Read a record by hand."""
    told = {name: (value or b"").decode("utf-8", "replace") for name, value in headers}
    found = _TYPE.fullmatch(told.get("ce_type", ""))
    data: Any = None
    with suppress(ValueError):
        data = json.loads(body)
    kind = found[1] if found and isinstance(data, dict) else ""
    cause = told.get("ce_cause")
    return Plain(
        topic,
        partition,
        offset,
        kind,
        told.get("ce_id", ""),
        told.get("ce_subject", ""),
        None if cause is None else int(cause),
        body,
        cast("dict[str, Any]", data) if kind else {},
    )


def plains(lines: Sequence[Line]) -> list[Plain]:
    """Read what a witness saw, from its bytes."""
    found: list[Plain] = []
    for line in lines:
        assert line.record is not None
        found.append(plain(line.topic, line.partition, line.offset, line.record.headers, line.body))
    return found


@dataclass(frozen=True)
class Stored:
    """A payload store that is a folder; each file must hold what its name says."""

    folder: Path

    def __call__(self, sha256: str) -> str:
        files = list(self.folder.rglob(sha256))
        assert files, f"payload {sha256} is gone"
        content = files[0].read_bytes()
        assert hashlib.sha256(content).hexdigest() == sha256, f"payload {sha256} holds other bytes"
        return content.decode()


def value_of(payload: Mapping[str, Any], stored: "Stored | None" = None) -> Any:  # noqa: ANN401 - JSON
    """Return a payload's value: it lies in the record, or in the store, whole or as a list of payloads."""
    if "value" in payload:
        return payload["value"]
    assert stored is not None, f"no value in {payload}"
    value = json.loads(stored(payload["sha256"]))
    if payload.get("shape") == "manifest":
        return [value_of(item, stored) for item in value]
    return value


def left_over(key: str, seconds: int, fence: bytes | None) -> str | None:
    """Say why a fleet at rest may not have this key; `seconds` are its time to live (-1: none), `fence` of a task.

    At rest: every run has ended and was folded. What stays is named in DESIGN §6.
    """
    if _FLEET.fullmatch(key):
        return None if seconds >= 0 else f"{key}: it has no TTL"
    found = _KEY.fullmatch(key)
    if found is None:
        return f"{key}: nobody makes such a key"
    if found["fixed"] or found["agents"]:
        return None
    if found["work"]:
        return f"{key}: work is left in it"
    if seconds < 0:
        return f"{key}: it has no TTL"
    return f"{key}: it is claimed" if fence else None
