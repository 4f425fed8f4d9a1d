"""What a link of the proxy does to what passes, as data."""

from dataclasses import dataclass
from typing import Final, Literal

Way = Literal["open", "held", "lost"]
"""`held`: bytes wait and arrive later, as over a network that was away for a while. `lost`: they never arrive."""


@dataclass(frozen=True, slots=True)
class Weather:
    """What a link does to what passes. `up` is from the client to the service, `down` the way back.

    `latency_seconds` is added each way, `jitter_seconds` at most on top of it; order stays. `lost_replies` is the share
    of replies in whose place the connection is reset: the request has arrived, its answer has not.
    `cut`: open connections are reset, and new ones too.
    """

    latency_seconds: float = 0.0
    jitter_seconds: float = 0.0
    bytes_per_second: int = 0
    """0 = as fast as it goes."""
    up: Way = "open"
    down: Way = "open"
    lost_replies: float = 0.0
    cut: bool = False


CLEAR: Final = Weather()
CUT: Final = Weather(cut=True)
STALLED: Final = Weather(up="held", down="held")
HALF_OPEN: Final = Weather(up="lost", down="lost")
"""As if the other end were gone and nobody said so: connections stay, new ones too, and nothing comes."""
DEAF: Final = Weather(up="lost")
"""One way: nothing arrives at the service."""
MUTE: Final = Weather(down="lost")
"""One way: nothing comes back from the service."""
