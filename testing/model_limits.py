"""How much a model server lets one key ask of one model: requests and tokens per minute, and calls at a time.

Buckets that fill steadily. The caller brings the time, in seconds of any steady clock.
"""

from dataclasses import dataclass, field
from typing import Literal

from argosy.testing.model_script import Limits

Reason = Literal["requests", "tokens", "concurrency"]
_MINUTE = 60.0
_CONCURRENCY_SECONDS = 0.1
"""Nobody knows when a call ends: a short while."""


@dataclass(slots=True)
class Bucket:
    """`per_minute` of something, of which up to `capacity` may be taken at once; begins full."""

    per_minute: int
    capacity: float
    level: float
    at: float

    def fill(self, now: float) -> None:
        """Let the time pass until `now`."""
        self.level = min(self.capacity, self.level + max(0.0, now - self.at) * self.per_minute / _MINUTE)
        self.at = max(self.at, now)

    def wait_for(self, amount: float) -> float:
        """Return in how many seconds so much is there; 0 if it is."""
        # What time gave is a sum of fractions: a thousandth short is not short.
        lacking = amount - self.level
        return 0.0 if lacking <= 1e-6 else lacking * _MINUTE / self.per_minute  # noqa: PLR2004 - see above

    @property
    def full_in(self) -> float:
        """In how many seconds it is full."""
        return (self.capacity - self.level) * _MINUTE / self.per_minute


@dataclass(frozen=True, slots=True)
class Admitted:
    """The call may go on; it took so many tokens, for which `settle` gives back or takes the rest."""

    tokens: int


@dataclass(frozen=True, slots=True)
class Limited:
    """The call is refused. `never` if it is larger than the whole bucket."""

    reason: Reason
    limit: int
    asked: int
    wait_seconds: float
    never: bool = False


@dataclass(slots=True)
class Gate:
    """The limits of one key at one model."""

    limits: Limits
    began: float
    in_flight: int = 0
    requests: Bucket | None = field(init=False)
    tokens: Bucket | None = field(init=False)

    def __post_init__(self) -> None:
        """Begin with full buckets."""
        self.requests = self._bucket(self.limits.requests_per_minute, least=1.0)
        self.tokens = self._bucket(self.limits.tokens_per_minute, least=0.0)

    def admit(self, now: float, tokens: int) -> Admitted | Limited:
        """Let a call in that may take so many tokens, or say when to come back. A refused call takes nothing."""
        self._fill(now)
        most = self.limits.concurrency
        if most is not None and self.in_flight >= most:
            return Limited("concurrency", most, 1, _CONCURRENCY_SECONDS)
        if self.requests is not None and (wait := self.requests.wait_for(1.0)):
            return Limited("requests", self.requests.per_minute, 1, wait)
        if self.tokens is not None and (wait := self.tokens.wait_for(tokens)):
            never = tokens > self.tokens.capacity
            return Limited("tokens", self.tokens.per_minute, tokens, wait, never=never)
        if self.requests is not None:
            self.requests.level -= 1.0
        if self.tokens is not None:
            self.tokens.level -= tokens
        self.in_flight += 1
        return Admitted(tokens)

    def settle(self, now: float, admitted: Admitted, used: int) -> None:
        """End a call that was let in and really took `used` tokens. Once for each."""
        self._fill(now)
        self.in_flight -= 1
        if self.tokens is not None:
            self.tokens.level = min(self.tokens.capacity, self.tokens.level + admitted.tokens - used)

    def headers(self, now: float) -> dict[str, str]:
        """Tell limits, rests and when each is full again, as OpenAI's `x-ratelimit-` headers do."""
        self._fill(now)
        told: dict[str, str] = {}
        for name, bucket in (("requests", self.requests), ("tokens", self.tokens)):
            if bucket is not None:
                told[f"x-ratelimit-limit-{name}"] = str(bucket.per_minute)
                told[f"x-ratelimit-remaining-{name}"] = str(max(0, int(bucket.level + 1e-6)))
                told[f"x-ratelimit-reset-{name}"] = duration(bucket.full_in)
        return told

    def _fill(self, now: float) -> None:
        for bucket in (self.requests, self.tokens):
            if bucket is not None:
                bucket.fill(now)

    def _bucket(self, per_minute: int | None, least: float) -> Bucket | None:
        if per_minute is None:
            return None
        capacity = max(least, per_minute * self.limits.burst_seconds / _MINUTE)
        return Bucket(per_minute, capacity, capacity, self.began)


def duration(seconds: float) -> str:
    """Write a time as OpenAI's headers have it: `12ms`, `1.5s`, `6m0s`."""
    thousandths = round(seconds * 1000)
    if thousandths < 1000:  # noqa: PLR2004 - a second
        return f"{thousandths}ms"
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"
