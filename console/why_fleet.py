"""Why a run doesn't go on, as far as that lies outside of it: services, receivers, its lane, its end. Pure."""

from collections.abc import Callable, Iterator
from typing import Final

from pydantic import JsonValue

from argosy.console.moments import ago, length, moment
from argosy.console.numbers import counted
from argosy.console.why_facts import Facts, Group, Submit
from argosy.console.why_verdict import Cause
from argosy.schemas.result import Full

FRESH_MS: Final = 3_000
"""What is younger than this is on its way, not stuck."""
_MOST_NAMED: Final = 5


def fleet_cause(facts: Facts) -> Cause | None:
    """Return the first that holds, deepest first; None: the fleet is well and the run is active in its lane."""
    return next((cause for rule in _RULES if (cause := next(rule(facts), None)) is not None), None)


def _kafka(facts: Facts) -> Iterator[Cause]:
    if facts.kafka.error:
        yield Cause(
            "kafka_away",
            f"Kafka at {facts.kafka.where} can't be asked",
            f"{facts.kafka.error}; without Kafka nothing is accepted, sent or settled, and nothing is lost",
            "start it (argosy up), or look at KAFKA_BOOTSTRAP_SERVERS; argosy doctor says more",
        )
    elif facts.no_topics:
        yield Cause(
            "no_fleet",
            "there is no fleet: its topics are missing",
            "no coordinator ever ran with this topic prefix",
            "argosy coordinator, or argosy topics apply",
        )
    elif facts.missing:
        yield Cause(
            "topic_missing",
            f"{_are(facts.missing)} missing",
            "somebody deleted it; what it held is gone, and what goes through it waits",
            "stop all coordinators and start them: the first makes it again; docs/failures.md says what is lost",
            figures={"topics": list(facts.missing)},
        )


def _ended(facts: Facts) -> Iterator[Cause]:
    run = facts.run
    if run is not None and run.outcome:
        yield Cause(
            "ended",
            f"the run ended as {run.outcome} at {moment(run.ended_ms)}",
            run.fault or f"it did all that it had to, in {length((run.ended_ms - run.accepted_ms) / 1000)}",
            f"argosy runs show {facts.run_id}",
            figures={"offset": run.ended_offset, "ended_ms": run.ended_ms},
        )


def _unknown(facts: Facts) -> Iterator[Cause]:
    if facts.run is not None:
        return
    if facts.submit is not None and facts.receivers is not None:
        yield _waiting(facts, facts.submit, facts.receivers)
    elif facts.refusal is not None:
        refusal = facts.refusal
        yield Cause(
            "refused",
            f"the submit was refused: {refusal.reason}",
            f"{refusal.message} (inbox position {refusal.position})",
            "submit it again, or have it wait: there was no room"
            if refusal.reason == "busy"
            else "mend it and submit again; a refused submit started nothing",
        )
    elif facts.cancelled_before:
        yield Cause(
            "cancelled_before",
            "a cancel of this run came, the run itself never did",
            "if it comes within an hour of the cancel, it ends as cancelled",
            "use another run id to run it",
        )
    else:
        yield Cause(
            "unknown_run",
            f"nobody knows a run {facts.run_id}",
            f"it is in no inbox, in no run log and was not refused; or retention has passed{_unsent(facts)}",
            "argosy runs list; mind the spelling and ARGOSY_KAFKA__TOPIC_PREFIX",
        )


def _unsent(facts: Facts) -> str:
    """Tell of clients that wait for room: those haven't sent anything yet."""
    found = facts.fullness
    bounds = () if found is None else (found.full(name) for name in ("", *found.pipelines))
    full = next((bound for bound in bounds if bound is not None), None)
    return "" if full is None else f". Or its client waits for room, and sends it only then: {full.said}"


def _waiting(facts: Facts, submit: Submit, receivers: Group) -> Cause:
    """Say why a submit that lies in the inbox is neither accepted nor refused."""
    since = f"for {ago(submit.time_ms, facts.now_ms)}"
    waits = f"its submit lies at inbox partition {submit.partition} offset {submit.offset}"
    until = f"until {moment(submit.until_ms)}, and is refused then"
    figures: dict[str, JsonValue] = {
        "partition": submit.partition,
        "offset": submit.offset,
        "committed": submit.committed,
        "submitted_ms": submit.time_ms,
        "until_ms": submit.until_ms if submit.names or submit.newer or submit.homeless else None,
    }
    if receivers.members == 0:
        what = f"no coordinator runs: {waits} {since}, and nobody receives it"
        why = f"group {receivers.name} has no members; {counted(receivers.waiting, 'message')} to receive"
        return Cause("coordinator_away", what, why, "argosy coordinator", figures=figures)
    if submit.newer:
        what = f"the submit waits {since} for a coordinator that knows {submit.newer}: {until}"
        why = f"{waits}, and was written by a newer release than this one"
        do = "finish the roll-out of the coordinators, or submit with the release that they run"
        return Cause("newer_submit", what, why, do, figures=figures)
    if submit.names:
        what = f"the run waits {since} for pipeline {submit.names} to be published: {until}"
        why = f"{waits}, and names a pipeline that is not published; {_published(submit)}"
        return Cause("pipeline_unpublished", what, why, "argosy publish APP", figures=figures)
    if submit.homeless:
        what = f"the submit waits {since}, {until}: {_are(submit.homeless)} missing"
        why = (
            f"{waits}; the work of its agents has no place, and the coordinator may not make one: see its log"
        )
        do = "argosy topics apply --app APP, as somebody who may Create topics"
        return Cause("topic_missing", what, why, do, figures={**figures, "topics": list(submit.homeless)})
    full = facts.fullness.full(submit.pipeline) if facts.fullness is not None else None
    if full is not None:
        return _no_room(facts, submit, full, waits, figures)
    what = f"the receivers are behind: {waits} {since}, {submit.offset - submit.committed} before it"
    members = counted(receivers.members, "member")
    why = f"group {receivers.name} has {members} and {counted(receivers.waiting, 'message')} to go"
    do = "it will be accepted in its turn; more coordinators receive faster"
    return Cause("inbox_behind", what, why, do, figures=figures)


def _no_room(facts: Facts, submit: Submit, full: Full, waits: str, figures: dict[str, JsonValue]) -> Cause:
    since = ago(submit.time_ms, facts.now_ms)
    until_ms = submit.time_ms + round(facts.busy_wait_seconds * 1000)
    what = f"the submit waits for {since} for room, until {moment(until_ms)}, and is refused then"
    do = "wait for runs to end, cancel some, or raise the bound (fleet.most_runs and its like)"
    counts: dict[str, JsonValue] = {"until_ms": until_ms, "under_way": full.under_way, "most": full.most}
    return Cause("fleet_full", what, f"{waits}; {full.said}", do, figures={**figures, **counts})


def _are(topics: tuple[str, ...]) -> str:
    """Name topics, as what something is said of."""
    named = ", ".join(topics[:_MOST_NAMED])
    more = f" and {len(topics) - _MOST_NAMED} more" if len(topics) > _MOST_NAMED else ""
    return f"topic {named} is" if len(topics) == 1 else f"topics {named}{more} are"


def _published(submit: Submit) -> str:
    """Name what is published and is most like what was meant."""
    name = submit.names.partition("@")[0]
    alike = [key for key in submit.published if key.partition("@")[0] == name]
    if alike:
        return f"published of it: {', '.join(alike[-_MOST_NAMED:])}"
    return f"published: {', '.join(submit.published[-_MOST_NAMED:]) or 'nothing yet'}"


def _redis(facts: Facts) -> Iterator[Cause]:
    if facts.redis.error:
        yield Cause(
            "redis_away",
            f"Redis at {facts.redis.where} can't be asked",
            f"{facts.redis.error}; without it nothing is claimed and no lane goes on, and nothing is lost",
            "start it (argosy up), or look at REDIS_URL; the run goes on by itself then",
        )


def _coordinator(facts: Facts) -> Iterator[Cause]:
    lanes, lane = facts.lanes, facts.lane
    if lanes is None or lane is None:
        return
    where = f"lane {lane.number} (log end {lane.log_end}, read on at {_next(lane.next)})"
    figures = {"lane": lane.number, "log_end": lane.log_end, "next": lane.next}
    if lanes.members == 0:
        yield Cause(
            "coordinator_away",
            f"no coordinator runs: nobody folds {where}",
            f"group {lanes.name} has no members",
            "argosy coordinator",
            figures=figures,
        )
    elif not lane.owner:
        yield Cause(
            "lane_without_owner",
            f"{where} has no owner at the moment",
            f"group {lanes.name} has {counted(lanes.members, 'member')} and is being balanced,"
            " or one died a moment ago",
            "wait some seconds; if it stays so, look at the coordinators' logs",
            figures=figures,
        )


def _lane(facts: Facts) -> Iterator[Cause]:
    lane, run = facts.lane, facts.run
    if lane is None or run is None:
        return
    where = f"lane {lane.number}"
    figures = {"lane": lane.number, "log_end": lane.log_end, "next": lane.next, "owner": lane.owner}
    newer = lane.layout > lane.newest_layout or run.rules > run.newest_rules
    if lane.paused or newer:
        why = lane.paused or f"it was written by a newer release (layout {lane.layout}, rules {run.rules})"
        yield Cause(
            "lane_paused",
            f"{where} is paused: its coordinator {lane.owner} waits for a newer release",
            why,
            "finish the roll-out: update the coordinators",
            figures=figures,
        )
    elif not lane.live:
        yield Cause(
            "lane_reloading",
            f"{where} is being reloaded by {lane.owner}: it publishes nothing until it has caught up",
            f"it reads on at {_next(lane.next)}, the log ends at {lane.log_end}",
            "wait; a lane that stays so has its reason in the coordinator's log",
            figures=figures,
        )
    elif lane.quarantined:
        yield Cause(
            "quarantined",
            "the run is set aside: folding its log raised an error",
            f"{lane.quarantined}; it ends as failed at {moment(run.deadline_ms)}",
            "report the error; after an update argosy rebuilds the lane",
            figures=figures,
        )
    elif lane.first_unfolded is not None and lane.next is not None:
        yield Cause(
            "lane_behind",
            f"{where} is behind: it reads on at {lane.next}, the run's next record lies at {lane.first_unfolded}",
            f"its owner {lane.owner} has {counted(lane.log_end - lane.next, 'record')} to fold",
            "wait; if the offset stands still, look at the coordinator's log",
            figures={**figures, "first_unfolded": lane.first_unfolded},
        )


def _ending(facts: Facts) -> Iterator[Cause]:
    if facts.run is not None and facts.run.ending:
        yield Cause(
            "ending",
            "the run's outcome is decided, its record is being written",
            f"the lane's owner {facts.lane.owner if facts.lane else ''} appends run.ended until Kafka takes it",
            "wait a moment",
        )


def _next(offset: int | None) -> str:
    return "nothing: Redis has no state of it" if offset is None else str(offset)


_RULES: Final[tuple[Callable[[Facts], Iterator[Cause]], ...]] = (
    _kafka,
    _ended,
    _unknown,
    _redis,
    _coordinator,
    _lane,
    _ending,
)
"""In this order: what stands above explains what stands below."""
