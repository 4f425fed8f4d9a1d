"""What a lane is given to work with; shared by all lanes of a process."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from argosy.broker.log import Consumer, Producer
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames
from argosy.schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class LaneServices:
    """Everything outside of a lane."""

    settings: Settings
    names: TopicNames
    consumer: Consumer
    producer: Producer
    store: Store
    payloads: Payloads
    source: str
    """`ce_source` of what this process writes."""
    shares: Mapping[str, int] = field(default_factory=dict[str, int])
    """What a lane's dispatch windows begin with, by agent, where that is more than usual."""
