"""The items of the lists that two runs' maps spread, by hash: so that a shard is compared by its own item."""

from argosy.broker.store import Payloads
from argosy.broker.values import manifest_items
from argosy.console.lineage import lineage
from argosy.console.lineage_facts import hash_of
from argosy.console.run_history import History
from argosy.schemas.errors import InvalidInput, PayloadGone
from argosy.schemas.task import HoleInput


async def items_of(*histories: History, payloads: Payloads) -> dict[str, list[str]]:
    """Read the lists; one that is gone is left out. Raises Unreachable."""
    found: dict[str, list[str]] = {}
    for history in histories:
        for node in lineage(history).nodes.values():
            for fed in node.inputs:
                source = fed.given.source
                if fed.given.item is None or isinstance(source, HoleInput) or hash_of(source) in found:
                    continue
                try:
                    items = await manifest_items(source, payloads)
                except (PayloadGone, InvalidInput):
                    items = ()
                found[hash_of(source)] = [hash_of(item) for item in items]
    return found
