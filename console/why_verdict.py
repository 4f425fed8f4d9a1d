"""Why a run doesn't go on: a cause, and the verdict that puts the true one first."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

Code = Literal[
    "kafka_away",
    "no_fleet",
    "topic_missing",
    "ended",
    "coordinator_away",
    "pipeline_unpublished",
    "newer_submit",
    "fleet_full",
    "inbox_behind",
    "refused",
    "cancelled_before",
    "unknown_run",
    "redis_away",
    "lane_without_owner",
    "lane_paused",
    "lane_reloading",
    "quarantined",
    "lane_behind",
    "ending",
    "no_worker",
    "in_handler",
    "worker_gone",
    "settling",
    "retry_waiting",
    "held_by_window",
    "model_limit",
    "budget_reserved",
    "awaiting_budget",
    "tenant_reserved",
    "worker_behind",
    "suspect",
    "on_its_way",
    "looking",
    "awaiting_approval",
    "awaiting_signal",
    "sleeping",
    "join_short",
    "budget",
    "going_on",
]
"""Stable: scripts may ask for it."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason: what is so, why that is so or what it means, what to do. `figures` for programs."""

    code: Code
    what: str
    why: str
    do: str
    task: str = ""
    figures: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Verdict:
    """`cause` is the true one; `others` hold as well, or wait for it (a join that is short of a task)."""

    run_id: str
    state: str
    """`unknown`, `active`, or how the run ended."""
    cause: Cause
    others: tuple[Cause, ...] = ()
    more_tasks: int = 0
