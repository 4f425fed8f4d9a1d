"""Why a task of a run doesn't end: from its state, its claim, its place in the queues. Pure."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from argosy.console.moments import ago, length, moment
from argosy.console.numbers import counted
from argosy.console.why_facts import AgentIs, Facts, JoinIs, TaskIs
from argosy.console.why_limits import limit_cause
from argosy.console.why_verdict import Cause, Code

if TYPE_CHECKING:
    from pydantic import JsonValue

_DEPTH: Final[dict[Code, int]] = {
    "awaiting_budget": 0,
    "no_worker": 0,
    "worker_gone": 1,
    "suspect": 2,
    "held_by_window": 3,
    "model_limit": 4,
    "budget_reserved": 5,
    "tenant_reserved": 5,
    "worker_behind": 6,
    "in_handler": 7,
    "retry_waiting": 8,
    "settling": 9,
    "on_its_way": 10,
}
"""Which of several is told first: what doesn't mend itself comes before what does."""


def task_causes(facts: Facts) -> list[Cause]:
    """Return a cause for each task that is open, those first that somebody must mend."""
    found = [task_cause(task, facts) for task in facts.tasks]
    return sorted(found, key=lambda cause: _DEPTH.get(cause.code, len(_DEPTH)))


def task_cause(task: TaskIs, facts: Facts) -> Cause:
    """Say what one open task waits for: the first rule that has a word for it."""
    return next(cause for cause in _said(task, facts) if cause is not None)


def _said(task: TaskIs, facts: Facts) -> Iterator[Cause | None]:
    agent = facts.agents.get(task.agent)
    yield _backing_off(task, agent, facts.now_ms)
    yield _asking(task, facts)
    yield _settling(task, agent, facts.now_ms)
    # What waits for a limit has a claim, or lies with a worker: but the limit is why.
    gone = task.claim is not None and bool(task.claim.holder) and not task.claim.present
    yield None if gone else limit_cause(task, facts)
    yield from (rule(task, agent, facts.now_ms) for rule in _RULES)


def look_cause(local: str) -> Cause:
    """Say that the coordinator has to read something before the run can go on."""
    return Cause(
        "looking",
        f"the lane is to look at {local}",
        "a later step depends on a part of it, which no task sees; the coordinator reads it from the payload store",
        "if this lasts: see in the coordinator's log what the payload store says, and `argosy doctor`",
        local,
    )


def join_cause(join: JoinIs, now_ms: int) -> Cause:
    """Say which parents a waiting step is short of."""
    short = ", ".join(join.missing)
    have = join.parents - len(join.missing)
    count = "one" if len(join.missing) == 1 else str(len(join.missing))
    until = ""
    if join.due_ms is not None:
        left = length((join.due_ms - now_ms) / 1000)
        until = f"; its {join.policy} join goes on at {moment(join.due_ms)} (in {left})"
    return Cause(
        "join_short",
        f"{join.step} waits for {short}",
        f"{have} of {join.parents} parents have ended, it is {count} short{until}",
        "see why the missing ones don't end",
        join.step,
        {"missing": list(join.missing), "parents": join.parents, "due_ms": join.due_ms},
    )


def _cause(task: TaskIs, code: Code, texts: tuple[str, str, str], **figures: int | str | None) -> Cause:
    known: dict[str, JsonValue] = {
        "agent": task.agent,
        "attempt": task.attempt,
        "partition": task.partition,
        "offset": task.offset,
    }
    return Cause(code, *texts, task.local, {**known, **figures})


def _backing_off(task: TaskIs, _agent: AgentIs | None, now_ms: int) -> Cause | None:
    if task.letter != "b":
        return None
    when = "as soon as its lane has fired the timer"
    if task.retry_ms is not None and task.retry_ms > now_ms:
        when = f"at {moment(task.retry_ms)} (in {length((task.retry_ms - now_ms) / 1000)})"
    texts = (
        f"{task.name} waits to be tried again {when}",
        f"attempt {task.attempt + 1} of {task.attempts} is next; the last one failed: {task.last_fault or 'unknown'}",
        "wait, or mend what the fault names",
    )
    return _cause(task, "retry_waiting", texts, retry_ms=task.retry_ms, attempts=task.attempts)


def _asking(task: TaskIs, facts: Facts) -> Cause | None:
    if task.letter != "a":
        return None
    until = ""
    if task.retry_ms is not None:
        until = f"; it fails at {moment(task.retry_ms)} (in {length(max(0, task.retry_ms - facts.now_ms) / 1000)})"
    texts = (
        f"{task.name} waits until somebody raises the run's budget",
        f"{task.last_fault or 'its model call was refused'}; no attempt is used up{until}",
        f"argosy runs budget {facts.run_id} --tokens N raises it (--micros N where it is in money); --no lets it fail",
    )
    return _cause(task, "awaiting_budget", texts, until_ms=task.retry_ms)


def _settling(task: TaskIs, _agent: AgentIs | None, _now_ms: int) -> Cause | None:
    if not task.stored:
        return None
    texts = (
        f"{task.name} is done, its result is being published",
        "it is stored under its claim, and not folded yet",
        "wait a moment; it is published again if its worker dies",
    )
    return _cause(task, "settling", texts)


def _claimed(task: TaskIs, _agent: AgentIs | None, now_ms: int) -> Cause | None:
    claim = task.claim
    if claim is None or claim.lease_ms <= now_ms:
        return None
    holder = claim.holder or "a worker"
    left = length((claim.lease_ms - now_ms) / 1000)
    since = f"since {moment(claim.since_ms)} ({ago(claim.since_ms, now_ms)})" if claim.since_ms else "now"
    figures: dict[str, int | str | None] = {
        "holder": claim.holder,
        "since_ms": claim.since_ms,
        "lease_ms": claim.lease_ms,
    }
    if claim.holder and not claim.present:
        texts = (
            f"the worker {holder} of {task.name} doesn't answer; its lease runs for {left} more",
            f"it claimed attempt {task.attempt} {since}; it was killed, or is cut off from Redis",
            f"wait until the lease ends at {moment(claim.lease_ms)}: another worker takes it then",
        )
        return _cause(task, "worker_gone", texts, **figures)
    limit = f"its time limit is {length(task.timeout_seconds)}"
    texts = (
        f"{task.name} is in its handler in worker {holder} {since}",
        f"attempt {task.attempt} of {task.attempts}; {limit}; the lease ends in {left} unless it is renewed",
        "look at that worker's log; what it waits for is its handler's own affair",
    )
    return _cause(task, "in_handler", texts, **figures)


def _held(task: TaskIs, agent: AgentIs | None, _now_ms: int) -> Cause | None:
    if task.ahead is None or task.out:
        return None
    out, window = (agent.out, agent.window) if agent else (0, 0)
    figures: dict[str, int | str | None] = {"ahead": task.ahead, "out": out, "window": window}
    if agent is not None and agent.group.members == 0:
        texts = (
            f"no worker serves agent {task.agent}: {task.name} waits behind {counted(task.ahead, 'other')}",
            f"group {agent.group.name} has no members; {out} of at most {counted(window, 'task')} of this lane out",
            f"argosy worker APP:{task.agent}",
        )
        return _cause(task, "no_worker", texts, **figures)
    texts = (
        f"{task.name} is held by the dispatch window: {counted(task.ahead, 'task')} of {task.agent} before it",
        f"{out} of at most {counted(window, 'task')} of {task.agent} out in this lane",
        "more workers of the agent make it go faster; the window grows while they begin tasks soon",
    )
    return _cause(task, "held_by_window", texts, **figures)


def _no_worker(task: TaskIs, agent: AgentIs | None, now_ms: int) -> Cause | None:
    if agent is None or agent.group.members:
        return None
    group, claim = agent.group, task.claim
    why = f"group {group.name} has no members; {counted(group.waiting, 'message')} to go in {group.topic}"
    if not group.exists:
        why = f"there is no topic {group.topic}: no worker of it ever ran here"
    if task.offset is not None:
        why += f", {task.name} at partition {task.partition} offset {task.offset}"
    if claim is not None:
        why += f"; {claim.holder or 'a worker'} had claimed it, its lease ended {ago(claim.lease_ms, now_ms)} ago"
    texts = (f"no worker serves agent {task.agent}", why, f"argosy worker APP:{task.agent}")
    return _cause(task, "no_worker", texts, waiting=group.waiting, committed=task.committed)


def _lease_over(task: TaskIs, _agent: AgentIs | None, now_ms: int) -> Cause | None:
    claim = task.claim
    if claim is None:
        return None
    ended = f"its lease ended {ago(claim.lease_ms, now_ms)} ago"
    texts = (
        f"the worker {claim.holder} of {task.name} is gone: {ended}",
        f"another worker claims it when the message is handed out again; {_again(task)}",
        "wait; if it stays so, look at the agent's workers",
    )
    return _cause(task, "worker_gone", texts, holder=claim.holder, lease_ms=claim.lease_ms)


def _suspect(task: TaskIs, _agent: AgentIs | None, _now_ms: int) -> Cause | None:
    if not task.deliveries:
        return None
    texts = (
        f"{task.name} waits for its turn as a suspect",
        f"its worker was lost {counted(task.deliveries, 'time')}; such a task runs alone in its worker",
        "look at what it does to its workers",
    )
    return _cause(task, "suspect", texts, deliveries=task.deliveries)


def _behind(task: TaskIs, agent: AgentIs | None, _now_ms: int) -> Cause | None:
    if agent is None or task.offset is None or task.committed is None:
        return None
    hands = (
        f"; {agent.running} of {counted(agent.slots, 'slot')} taken, {agent.parked} parked"
        if agent.slots
        else ""
    )
    before, members = task.offset - task.committed, counted(agent.group.members, "member")
    texts = (
        f"the workers of {task.agent} are behind: {task.name} waits in partition {task.partition}",
        f"it lies at offset {task.offset}, {before} after the committed one; {members}{hands}",
        f"wait, or start more: argosy worker APP:{task.agent}",
    )
    figures = {"committed": task.committed, "members": agent.group.members, "running": agent.running}
    return _cause(task, "worker_behind", texts, **figures)


def _on_its_way(task: TaskIs, _agent: AgentIs | None, _now_ms: int) -> Cause | None:
    what = f"{task.name} was ordered and is on its way to a worker"
    return _cause(task, "on_its_way", (what, _again(task), "wait a moment"))


def _again(task: TaskIs) -> str:
    return "" if task.again_ms is None else f"unanswered, it is sent again at {moment(task.again_ms)}"


_Rule = Callable[[TaskIs, AgentIs | None, int], Cause | None]
_RULES: Final[tuple[_Rule, ...]] = (
    _claimed,
    _held,
    _no_worker,
    _lease_over,
    _suspect,
    _behind,
    _on_its_way,
)
"""In this order, after the limits; the last one always has a word."""
