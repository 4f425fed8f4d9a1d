"""Settings of a small fleet of forked processes, quick to notice who died: two of everything, short leases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from argosy.console.config import environment_of
from argosy.schemas.settings import FleetSettings, KafkaSettings, RedisSettings, Settings

LEASE_SECONDS: Final = 2
SESSION_SECONDS: Final = 3
PARTS: Final = 2
"""Lanes, and partitions of everything: one for each of two processes."""
_VARIABLES: Final = {
    "ARGOSY_KAFKA__SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
    "ARGOSY_KAFKA__INBOX_PARTITIONS": str(PARTS),
    "ARGOSY_KAFKA__WORK_PARTITIONS": str(PARTS),
    "ARGOSY_FLEET__LANES": str(PARTS),
    "ARGOSY_FLEET__LEASE_SECONDS": str(LEASE_SECONDS),
    "ARGOSY_FLEET__RENEW_SECONDS": "0.5",
    "ARGOSY_FLEET__PATIENCE_SECONDS": "4",
    "ARGOSY_WORKER__DRAIN_SECONDS": "0.5",
    "ARGOSY_WORKER__GRACE_SECONDS": "1",
    "ARGOSY_TELEMETRY__LOG_FORMAT": "json",
}


def settings_of(name: str, folder: Path, servers: str, redis_url: str) -> Settings:
    """Settings of a fleet of that name, whose payloads lie in its folder."""
    return Settings(
        kafka=KafkaSettings(
            bootstrap_servers=servers,
            topic_prefix=name,
            session_timeout_seconds=SESSION_SECONDS,
            inbox_partitions=PARTS,
            work_partitions=PARTS,
        ),
        redis=RedisSettings(url=SecretStr(redis_url), key_prefix=name),
        payloads=f"file://{folder / 'payloads'}",
        fleet=FleetSettings(lanes=PARTS, lease_seconds=LEASE_SECONDS),
    )


def variables_of(settings: Settings, folder: Path, ledger: Path) -> Mapping[str, str]:
    """Return what its processes are given; `ledger` is where handlers write their effects."""
    return {
        **environment_of(settings),
        **_VARIABLES,
        "ARGOSY_KAFKA__TOPIC_PREFIX": settings.kafka.topic_prefix,
        "ARGOSY_REDIS__KEY_PREFIX": settings.redis.key_prefix,
        "ARGOSY_TEST_LEDGER": str(ledger),
        "HOME": str(folder),
    }
