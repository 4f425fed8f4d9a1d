"""Telling in the log that a topic of the fleet was deleted: the library goes on asking for it, and says no more."""

import asyncio
from collections.abc import Collection
from typing import Final

from argosy.broker.cluster import KafkaCluster
from argosy.schemas.errors import Refused, Unreachable
from argosy.telemetry import logs

LOOK_SECONDS: Final = 5.0
WHY: Final = "somebody deleted it; what it held is gone, and what goes through it waits"
DO: Final = "stop all coordinators and start them: the first makes it, and all goes on; docs/failures.md"


async def tell_missing(cluster: KafkaCluster, used: Collection[str]) -> None:
    """Look every few seconds, until cancelled; tell once of each topic that goes, and once when it is back."""
    log, gone = logs.get("argosy.topics"), set[str]()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            missing = set(used) - await cluster.topic_names()
        except (Unreachable, Refused):
            continue
        for topic in sorted(missing - gone):
            log.error("topic is missing", topic=topic, why=WHY, do=DO)
        for topic in sorted(gone - missing):
            log.warning("topic is there again", topic=topic)
        gone = missing
