"""Secrets that are planted, to be searched for in everything that a fleet tells. None may be found, in any form.

`CANARIES` are their values by where they were planted. To add a place to the search: give what it shows to `found_in`.
A `pattern` looks like a real one, a `field` is named like a secret; all others are masked as a process was given them.
"""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

CANARIES: Final[Mapping[str, str]] = {
    "model api key": "canary-0001-model.key",
    "redis password": "canary-0002-redis.pass",
    "kafka sasl password": "canary-0003-kafka.pass",
    "gateway token": "canary-0004-gateway.token",
    "otlp header": "canary-0005-otlp.header",
    "environment": "canary-0006-environment",
    "bearer token of a caller": "canary-0007-callers.bearer",
    "cookie of a caller": "canary-0008-callers.cookie",
    "header of a record": "canary-0009-record.header",
    "pattern in an input": "sk-canary0010inputabcdef",
    "field of an input": "canary-0011-input.field",
    "pattern in an error": "ghp_canary0012errorabcdef",
    "field in an error": "canary-0013-error.field",
    "pattern in a tool's answer": "AKIACANARY0014TOOLAB",
    "field of a tool's answer": "canary-0015-tool.field",
    "pattern in a model's answer": "sk-canary0016modelabcdef",
    "field of a model's answer": "canary-0017-model.field",
    "field of a buried body": "canary-0019-buried.body",
    "password of a URL in an error": "canary-0018-url.pass",
}


def found_in(text: str | bytes) -> list[str]:
    """Name the canaries that a text holds: as they are, in base64 at any offset, in hexadecimal, or as in a URL."""
    data = text.encode(errors="replace") if isinstance(text, str) else text
    low = data.lower()
    return [
        name
        for name, value in CANARIES.items()
        if any(form in data for form in _forms(value)) or value.encode().hex().encode() in low
    ]


def found_under(folder: Path) -> list[str]:
    """Name the canaries in all files below a folder, and the files."""
    return [
        f"{path.relative_to(folder)}: {name}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for name in found_in(path.read_bytes())
    ]


def _forms(value: str) -> list[bytes]:
    raw = value.encode()
    forms = [raw, quote(value, safe="").encode()]
    for shift in range(3):
        # Three alignments; what depends on the neighbours is cut off at both ends.
        encoded = base64.b64encode(b"\0" * shift + raw)
        forms.append(encoded[4:-4])
    return forms
