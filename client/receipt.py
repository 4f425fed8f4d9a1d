"""The receipt of an acknowledged submit: enough to ask, from any process, for the answer to just this submit."""

import re
from dataclasses import dataclass
from typing import Final, Self

from argosy.schemas.errors import ConfigurationError

_TEXT: Final = re.compile(r"(\d{1,9})-(\d{1,18})-(\d{1,15})-([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What Kafka acknowledged. `str()` makes a text of it that is safe in a URL; no secret."""

    position: str
    """`<partition>/<offset>` in the inbox: what a refusal of this submit names."""
    submitted_ms: int
    data_hash: str
    """SHA-256 of the submit's own data: the run of this id is ours if it has the same."""

    def __str__(self) -> str:
        """Encode: partition, offset, time, hash."""
        return f"{self.position.replace('/', '-')}-{self.submitted_ms}-{self.data_hash}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Decode what `str()` made. Raises ConfigurationError."""
        found = _TEXT.fullmatch(text)
        if found is None:
            raise ConfigurationError(
                f"{text[:140]!r} is no receipt",
                why="a receipt is what a submit was answered with",
                do="pass it on as it is, or leave it out",
            )
        partition, offset, submitted_ms, data_hash = found.groups()
        return cls(f"{partition}/{offset}", int(submitted_ms), data_hash)
