"""How each group stands: what waits, is in flight, is parked, is dead, told apart. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from argosy.broker.deadletters import Buried
from argosy.broker.lag import GroupLag
from argosy.broker.presence import Held, Present


@dataclass(frozen=True, slots=True)
class Amount:
    """Messages, and the age of the oldest in seconds (None: not known)."""

    messages: int
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class PartitionStanding:
    """One partition. `unfinished` are the offsets after the commit: an upper bound of the rest together."""

    partition: int
    start: int
    end: int
    committed: int | None
    unfinished: Amount
    waiting: int
    in_flight: int
    parked: int
    dead: Amount


@dataclass(frozen=True, slots=True)
class Standing:
    """One group on one topic. What its workers have in hand is as they said last, some seconds ago at most."""

    group: str
    topic: str
    agent: str | None
    members: int
    workers: tuple[str, ...]
    unfinished: Amount
    waiting: Amount
    in_flight: Amount
    parked: Amount
    dead: Amount
    partitions: tuple[PartitionStanding, ...]


def standing(
    lag: GroupLag, agent: str | None, there: Present | None, dead: Iterable[Buried], now_ms: int
) -> Standing:
    """Put together what Kafka, the workers and the dead letters say of a group."""
    workers = () if there is None or agent is None else there.workers(agent)
    hands = [worker.agents[agent] for worker in workers] if agent is not None else []
    running, parked = [hand.running for hand in hands], [hand.parked for hand in hands]
    letters = [each for each in dead if each.letter.topic == lag.topic]
    parts: list[PartitionStanding] = []
    for one in lag.partitions:
        flying, standing_by = _in(running, one.partition), _in(parked, one.partition)
        of_it = [each for each in letters if each.letter.partition == one.partition]
        parts.append(
            PartitionStanding(
                one.partition,
                one.start,
                one.end,
                one.committed,
                Amount(one.waiting, one.seconds),
                max(0, one.waiting - flying - standing_by),
                flying,
                standing_by,
                _dead(of_it, now_ms),
            )
        )
    # The oldest unfinished message waits if none is in hand; else its age is that of what is in hand.
    waiting = sum(part.waiting for part in parts)
    bare = [part.unfinished.seconds or 0.0 for part in parts if part.waiting == part.unfinished.messages]
    return Standing(
        lag.group,
        lag.topic,
        agent,
        lag.members,
        tuple(worker.name for worker in workers),
        Amount(lag.waiting, lag.seconds),
        Amount(waiting, max(bare, default=None) if waiting else 0.0),
        _held(running, now_ms),
        _held(parked, now_ms),
        _dead(letters, now_ms),
        tuple(parts),
    )


def status(members: int, unfinished: int) -> str:
    """Say in two words how a group stands."""
    match (members > 0, unfinished > 0):
        case (True, False):
            return "ok"
        case (True, True):
            return "behind"
        case (False, True):
            return "nobody there"
        case _:
            return "stopped"


def _in(held: Iterable[Held], partition: int) -> int:
    return sum(each.partitions.get(partition, 0) for each in held)


def _held(held: list[Held], now_ms: int) -> Amount:
    since = [each.since_ms for each in held if each.since_ms is not None]
    return Amount(sum(each.count for each in held), max(0, now_ms - min(since)) / 1000 if since else 0.0)


def _dead(letters: list[Buried], now_ms: int) -> Amount:
    oldest = min((each.timestamp_ms for each in letters), default=now_ms)
    return Amount(len(letters), max(0, now_ms - oldest) / 1000)
