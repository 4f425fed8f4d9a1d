"""What is said of a server that will hurt."""

import pytest

from argosy.broker.memory_redis import MemoryRedis
from argosy.broker.server_check import check_server, findings_of

GOOD = {"redis_version": "7.2.4", "maxmemory_policy": "noeviction", "aof_enabled": "1", "role": "master"}


def test_a_good_server_has_no_findings() -> None:
    assert findings_of(GOOD) == []


@pytest.mark.parametrize(
    ("field", "value", "severity", "told"),
    [
        ("maxmemory_policy", "allkeys-lru", "error", "allkeys-lru"),
        ("redis_version", "6.2.14", "error", "6.2.14"),
        ("role", "slave", "error", "replica"),
        ("cluster_enabled", "1", "error", "cluster"),
        ("aof_enabled", "0", "warning", "append-only"),
        ("aof_last_write_status", "err", "warning", "disk"),
    ],
)
def test_each_fault_is_told_with_its_cure(field: str, value: str, severity: str, told: str) -> None:
    (finding,) = findings_of(GOOD | {field: value})
    assert finding.severity == severity
    assert told in finding.what
    assert finding.why
    assert finding.do
    assert len(str(finding).splitlines()) == 3


def test_errors_come_first() -> None:
    found = findings_of(GOOD | {"aof_enabled": "0", "maxmemory_policy": "allkeys-lru"})
    assert [finding.severity for finding in found] == ["error", "warning"]


async def test_the_twin_can_be_made_such_a_server() -> None:
    store = MemoryRedis()
    assert await check_server(store) == []
    store.server.configure(maxmemory_policy="volatile-ttl", aof_enabled="0")
    assert len(await check_server(store)) == 2
