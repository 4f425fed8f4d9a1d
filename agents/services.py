"""What all parts of one worker process work with."""

import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from argosy.agents.budget import Budgets
from argosy.agents.claim import Claims
from argosy.agents.hand_back import HandBack
from argosy.agents.hold import Holds
from argosy.agents.lanes import Lanes
from argosy.agents.learning import Learning
from argosy.agents.mcp_servers import McpServers
from argosy.agents.memo import Memos
from argosy.agents.tenant_budget import TenantLedger
from argosy.agents.watch import Watchers
from argosy.broker.deadletters import Graveyard
from argosy.broker.log import Producer
from argosy.broker.payload_cache import CachedPayloads
from argosy.broker.store import Payloads, Store
from argosy.broker.topics import TopicNames
from argosy.broker.values import CountTokens
from argosy.schemas.settings import Settings

if TYPE_CHECKING:
    from argosy.agents.limiter import Limiter

_CACHED_BYTES: Final = 64 * 1024 * 1024
"""Of payloads that were read last: what all shards of a map share is read once."""


@dataclass(frozen=True, slots=True)
class Services:
    """The connections, and what is asked over them."""

    settings: Settings
    producer: Producer
    store: Store
    payloads: Payloads
    count_tokens: CountTokens
    topics: TopicNames
    name: str
    """Of this process, as its claims and its presence have it."""
    source: str
    """`ce_source` of what this process produces."""
    claims: Claims
    holds: Holds
    memos: Memos
    hand_back: HandBack
    watchers: Watchers
    graveyard: Graveyard
    learning: Learning
    servers: McpServers
    budgets: Budgets
    limiter: "Limiter | None"
    """None where no model has limits."""

    def ledger(self, tenant: str) -> TenantLedger | None:
        """Give the ledger of a tenant; None if it has no budget."""
        budgets = self.settings.model.tenant_budgets
        found = budgets.get(tenant) or budgets.get("*")
        prefix = self.settings.redis.key_prefix
        return None if found is None else TenantLedger(self.store, prefix, tenant, found)


def connect(
    settings: Settings, producer: Producer, store: Store, payloads: Payloads, count_tokens: CountTokens
) -> Services:
    """Put the parts together; nothing is opened."""
    topics = TopicNames(settings.kafka.topic_prefix)
    name = f"{socket.gethostname()}-{os.getpid()}"
    source = f"argosy/worker/{name}"
    lanes = Lanes(settings.redis.key_prefix)
    fleet, worker = settings.fleet, settings.worker
    lease_ms, window_ms = round(fleet.lease_seconds * 1000), fleet.window_seconds * 1000
    return Services(
        settings=settings,
        producer=producer,
        store=store,
        payloads=CachedPayloads(payloads, _CACHED_BYTES),
        count_tokens=count_tokens,
        topics=topics,
        name=name,
        source=source,
        claims=Claims(store, lanes, lease_ms, window_ms, round(worker.grace_seconds * 1000)),
        holds=Holds(lanes, lease_ms, window_ms),
        memos=Memos(store, lanes, lease_ms, window_ms),
        hand_back=HandBack(store, lanes),
        watchers=Watchers(producer, topics.events, source),
        learning=Learning(store, settings.redis.key_prefix),
        graveyard=Graveyard(producer, topics.dead, source, settings.kafka.max_message_bytes),
        servers=McpServers(),
        budgets=Budgets(store, lanes, window_ms),
        limiter=_limiter(store, settings),
    )


def _limiter(store: Store, settings: Settings) -> "Limiter | None":
    if not settings.model.limits:
        return None
    from argosy.agents.limiter import Limiter  # noqa: PLC0415 - a worker starts sooner without

    return Limiter(store, settings)
