"""How each group stands: what waits, is in flight, is parked, is dead, told apart. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from argosy.broker.deadletters import Buried
from argosy.broker.lag import GroupLag, PartitionLag
from argosy.broker.presence import Held, Present
from argosy.broker.task_tokens import dead_tokens


@dataclass(frozen=True, slots=True)
class Amount:
    """Messages, the age of the oldest in seconds, and the input tokens of all; None: not known.

    `estimated`: so many lie there that only the oldest of each partition were read, and are the measure of the tokens.
    """

    messages: int
    seconds: float | None = None
    tokens: int | None = None
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class PartitionStanding:
    """One partition. `unfinished` are the offsets after the commit: an upper bound of the rest together."""

    partition: int
    start: int
    end: int
    committed: int | None
    unfinished: Amount
    waiting: Amount
    in_flight: Amount
    parked: Amount
    dead: Amount


@dataclass(frozen=True, slots=True)
class SilentWorker:
    """A process that fell silent so many seconds ago."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Standing:
    """One group on one topic. What its workers have in hand is as they said last, some seconds ago at most."""

    group: str
    topic: str
    agent: str | None
    members: int
    status: str
    """See `status`."""
    workers: tuple[str, ...]
    silent: tuple[SilentWorker, ...]
    """Those that neither say anything nor left: killed, cut off from Redis, or with a loop that stands still."""
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
    silent = _silent(agent, there)
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
                Amount(one.waiting, one.seconds, one.tokens, one.estimated),
                _waiting(one, flying, standing_by),
                flying,
                standing_by,
                _dead(of_it, now_ms),
            )
        )
    unfinished = _sum([part.unfinished for part in parts])
    return Standing(
        lag.group,
        lag.topic,
        agent,
        lag.members,
        status(lag.members, unfinished.messages, workers=len(workers), silent=len(silent)),
        tuple(worker.name for worker in workers),
        silent,
        unfinished,
        _sum([part.waiting for part in parts]),
        _held(running, now_ms),
        _held(parked, now_ms),
        _dead(letters, now_ms),
        tuple(parts),
    )


def _waiting(one: PartitionLag, flying: Amount, standing_by: Amount) -> Amount:
    in_hand = flying.messages + standing_by.messages
    messages = max(0, one.waiting - in_hand)
    if messages == 0:
        return Amount(0, 0.0, None if one.tokens is None else 0)
    tokens = one.tokens
    if tokens is not None:
        if one.estimated:
            tokens = round(tokens * messages / one.waiting)
        else:
            tokens = max(0, tokens - (flying.tokens or 0) - (standing_by.tokens or 0))
    # The oldest unfinished message waits if none is in hand; else its age is that of what is in hand.
    return Amount(messages, None if in_hand else one.seconds, tokens, one.estimated)


def _sum(parts: list[Amount]) -> Amount:
    messages = sum(part.messages for part in parts)
    ages = [part.seconds for part in parts if part.messages and part.seconds is not None]
    known = [part.tokens for part in parts if part.tokens is not None]
    return Amount(
        messages,
        max(ages, default=None) if messages else 0.0,
        sum(known) if known or not parts else None,
        any(part.estimated for part in parts),
    )


def _silent(agent: str | None, there: Present | None) -> tuple[SilentWorker, ...]:
    if there is None or agent is None:
        return ()
    found = (each for each in there.silent if agent in each.process.agents)
    return tuple(SilentWorker(each.process.name, round(each.seconds, 1)) for each in found)


def status(members: int, unfinished: int, *, workers: int = 0, silent: int = 0) -> str:
    """Say in two words how a group stands.

    `ok`; `behind`; `silent`: work lies there, and all its `workers` fell silent, though they may still be members;
    `nobody there`: work lies there, nobody takes it; `stopped`: nobody there, and no work.
    """
    if silent and not workers and unfinished:
        return "silent"
    match (members > 0, unfinished > 0):
        case (True, False):
            return "ok"
        case (True, True):
            return "behind"
        case (False, True):
            return "nobody there"
        case _:
            return "stopped"


def _in(held: Iterable[Held], partition: int) -> Amount:
    held = tuple(held)
    return Amount(
        sum(each.partitions.get(partition, 0) for each in held),
        None,
        sum(each.tokens.get(partition, 0) for each in held),
    )


def _held(held: list[Held], now_ms: int) -> Amount:
    since = [each.since_ms for each in held if each.since_ms is not None]
    return Amount(
        sum(each.count for each in held),
        max(0, now_ms - min(since)) / 1000 if since else 0.0,
        sum(sum(each.tokens.values()) for each in held),
    )


def _dead(letters: list[Buried], now_ms: int) -> Amount:
    oldest = min((each.timestamp_ms for each in letters), default=now_ms)
    read = [tokens for each in letters if (tokens := dead_tokens(each.letter)) is not None]
    return Amount(len(letters), max(0, now_ms - oldest) / 1000, sum(read) if read or not letters else None)
