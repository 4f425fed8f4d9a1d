"""What the Redis-protocol server must be like: checked at start and by `argosy doctor`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from argosy.broker.store import Store

OLDEST_MAJOR: Final = 7
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the server that will hurt. An `error` stops a start, a `warning` is only said."""

    severity: Severity
    what: str
    why: str
    do: str

    def __str__(self) -> str:
        """Three lines, as every error of ours."""
        return f"{self.what}\n  why: {self.why}\n  do:  {self.do}"


Info = Mapping[str, str]


async def check_server(store: Store) -> list[Finding]:
    """Return what is wrong with the server, worst first; raises Unreachable and Refused."""
    return findings_of(await store.server_info())


def findings_of(info: Info) -> list[Finding]:
    """Judge what INFO says. A field that a server doesn't tell is not held against it."""
    found = [finding for check in _CHECKS if (finding := check(info)) is not None]
    return sorted(found, key=lambda finding: finding.severity != "error")


def _version(info: Info) -> Finding | None:
    # Valkey tells its own version beside the Redis version it is compatible with.
    version = info.get("redis_version", "")
    major = re.match(r"\d+", version)
    if major is None or int(major[0]) >= OLDEST_MAJOR:
        return None
    return Finding(
        "error",
        f"Redis {version} is too old",
        "scripts need what Redis 7 brought, and no older one is maintained",
        "install Valkey, or Redis 7 or newer",
    )


def _policy(info: Info) -> Finding | None:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return None
    return Finding(
        "error",
        f"Redis evicts keys: maxmemory-policy is {policy}",
        "the state of running work would silently disappear when memory is short",
        "set `maxmemory-policy noeviction` (CONFIG SET, and in the server's configuration file)",
    )


def _cluster(info: Info) -> Finding | None:
    if info.get("cluster_enabled", "0") == "0":
        return None
    return Finding(
        "error",
        "Redis runs in cluster mode",
        "argosy uses one connection and doesn't follow a cluster's redirections",
        "point the URL at a server that isn't a cluster",
    )


def _role(info: Info) -> Finding | None:
    if info.get("role", "master") == "master":
        return None
    return Finding(
        "error",
        "Redis is a replica",
        "replicas take no writes",
        f"point the URL at the primary ({info.get('master_host', '?')}:{info.get('master_port', '?')})",
    )


def _persistence(info: Info) -> Finding | None:
    if info.get("aof_enabled", "1") != "0":
        return None
    return Finding(
        "warning",
        "Redis doesn't write an append-only file",
        "a restart loses claims and memos: side effects may then run again, and lanes are rebuilt from Kafka",
        "set `appendonly yes` (CONFIG SET, and in the server's configuration file)",
    )


def _last_write(info: Info) -> Finding | None:
    if info.get("aof_last_write_status", "ok") == "ok" and info.get("rdb_last_bgsave_status", "ok") == "ok":
        return None
    return Finding(
        "warning",
        "Redis couldn't write to its disk last time",
        "it may soon refuse all writes (MISCONF), and a restart would lose what isn't on disk",
        "look at the server's log; free its disk",
    )


_CHECKS: Final[tuple[Callable[[Info], Finding | None], ...]] = (
    _version,
    _policy,
    _cluster,
    _role,
    _persistence,
    _last_write,
)
