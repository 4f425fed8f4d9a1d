"""How each group stands: what waits, is in flight, parked, held back, in retry, dead, told apart; how fast it goes.

Pure.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from argosy.broker.lag import WINDOW_SECONDS, GroupLag, PartitionLag
from argosy.broker.presence import InHand, Present, Progress
from argosy.console.lag_amount import Amount, dead_amount, held_amount, in_partition, summed
from argosy.console.lag_graves import Grave
from argosy.console.lag_rates import Measures, Rates, arriving, finished
from argosy.console.lag_standing import PartitionStanding, Queued, SilentWorker, Standing
from argosy.console.lag_status import Facts, status


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of the whole fleet at one moment: by workers, coordinators, dead letters, earlier measures.

    `there` None: Redis couldn't tell.
    """

    now_ms: int
    there: Present | None = None
    dead: Sequence[Grave] = ()
    queued: Mapping[str, Queued] = field(default_factory=dict[str, Queued])
    measures: Measures | None = None
    patience_seconds: float = math.inf
    """After which a task that nobody answered is sent again, and may lie in its topic twice."""


@dataclass(frozen=True, slots=True)
class _Workers:
    hands: tuple[tuple[str, InHand], ...]
    silent: tuple[SilentWorker, ...]
    lost: frozenset[int]
    """Partitions that a silent worker had, and nobody else has by now."""

    @property
    def progress(self) -> list[Progress]:
        return [hand.progress for _, hand in self.hands if hand.progress is not None]

    def owner(self, partition: int) -> str | None:
        return next(
            (name for name, hand in self.hands if hand.progress and partition in hand.progress.parts), None
        )


def standing(lag: GroupLag, agent: str | None, told: Told) -> Standing:
    """Put together what Kafka says of a group, and what others tell."""
    queued = told.queued.get(agent or "", Queued())
    workers = _workers(agent, told.there)
    letters = [each for each in told.dead if each.topic == lag.topic]
    again = told.patience_seconds if agent is not None else math.inf
    of_group = _OfGroup(lag, workers, letters, told, again)
    parts = [of_group.part(one) for one in lag.partitions]
    running, parked = [hand.running for _, hand in workers.hands], [hand.parked for _, hand in workers.hands]
    unfinished, waiting = (
        summed([part.unfinished for part in parts]),
        summed([part.waiting for part in parts]),
    )
    rates = of_group.rates()
    facts = Facts(
        lag.members,
        unfinished.messages,
        waiting.messages + queued.held.messages,
        sum(each.count for each in (*running, *parked)),
        len(workers.hands),
        len(workers.silent),
        unfinished.seconds or 0.0,
        rates.done,
        queued.held.seconds or 0.0,
    )
    word = status(facts)
    if lag.members and any(part.status == "stalled" for part in parts):
        word = "stalled"
    return Standing(
        lag.group,
        lag.topic,
        agent,
        lag.members,
        word,
        tuple(name for name, _ in workers.hands),
        workers.silent,
        lag.balancing,
        sum(hand.slots for _, hand in workers.hands),
        unfinished,
        waiting,
        held_amount(running, told.now_ms),
        held_amount(parked, told.now_ms),
        queued.held,
        queued.window,
        queued.retry,
        queued.retry_due_seconds,
        dead_amount(letters, told.now_ms),
        rates.arriving or 0.0,
        rates.finishing,
        rates.pace,
        rates.drain_seconds(unfinished.messages + queued.held.messages),
        rates.trend(unfinished.messages + queued.held.messages),
        tuple(parts),
    )


def _workers(agent: str | None, there: Present | None) -> _Workers:
    if there is None or agent is None:
        return _Workers((), (), frozenset())
    hands = tuple((worker.name, worker.agents[agent]) for worker in there.workers(agent))
    fell_silent = [each for each in there.silent if agent in each.process.agents]
    theirs = _partitions(each.process.agents[agent] for each in fell_silent)
    silent = tuple(SilentWorker(each.process.name, round(each.seconds, 1)) for each in fell_silent)
    return _Workers(hands, silent, theirs - _partitions(hand for _, hand in hands))


def _partitions(hands: Iterable[InHand]) -> frozenset[int]:
    return frozenset(number for hand in hands if hand.progress for number in hand.progress.parts)


@dataclass(frozen=True, slots=True)
class _OfGroup:
    lag: GroupLag
    workers: _Workers
    letters: list[Grave]
    told: Told
    again_seconds: float

    def rates(self, partition: int | None = None) -> Rates:
        lag, measures = self.lag, self.told.measures
        came = arriving(sum(one.arrived for one in lag.partitions if partition in {None, one.partition}))
        said = finished(self.workers.progress, partition)
        if said is not None:
            return Rates(came, *said)
        if not lag.members:
            return Rates(came, 0.0, 0.0, WINDOW_SECONDS)
        found = None if measures is None else measures.finishing(lag, self.told.now_ms, partition)
        return Rates(came) if found is None else Rates(came, found[0], found[0], found[1])

    def part(self, one: PartitionLag) -> PartitionStanding:
        hands = [hand for _, hand in self.workers.hands]
        flying = in_partition([hand.running for hand in hands], one.partition)
        parked = in_partition([hand.parked for hand in hands], one.partition)
        in_hand = flying.messages + parked.messages
        unfinished = _unfinished(one, self.workers.progress, in_hand)
        if (unfinished.seconds or 0.0) >= self.again_seconds:
            unfinished = replace(unfinished, at_most=True)
        waiting, rates = _waiting(unfinished, flying, parked), self.rates(one.partition)
        owner = self.workers.owner(one.partition)
        facts = Facts(
            self.lag.members,
            unfinished.messages,
            waiting.messages,
            in_hand,
            int(owner is not None),
            int(one.partition in self.workers.lost),
            unfinished.seconds or 0.0,
            rates.done,
        )
        letters = [each for each in self.letters if each.partition == one.partition]
        return PartitionStanding(
            one.partition,
            one.start,
            one.end,
            one.committed,
            unfinished,
            waiting,
            flying,
            parked,
            dead_amount(letters, self.told.now_ms),
            status(facts),
            owner,
            one.lost,
            one.beyond,
            rates.arriving or 0.0,
            rates.finishing,
            rates.drain_seconds(unfinished.messages),
            rates.trend(unfinished.messages),
        )


def _unfinished(one: PartitionLag, progress: Iterable[Progress], in_hand: int) -> Amount:
    """Count what isn't finished: a commit stops at the oldest, its worker knows what it did beyond that."""
    messages = one.waiting
    said = [each.parts[one.partition] for each in progress if one.partition in each.parts]
    if len(said) == 1 and said[0].next >= 0:  # two say so for a moment while a group is balanced
        messages = min(messages, max(in_hand, said[0].open) + one.after(said[0].next))
    tokens, estimated = one.tokens, one.estimated
    if tokens is not None and messages < one.waiting:
        tokens, estimated = round(tokens * messages / one.waiting), True
    return Amount(messages, one.seconds if messages else 0.0, tokens, estimated, not one.exact)


def _waiting(unfinished: Amount, flying: Amount, parked: Amount) -> Amount:
    in_hand = flying.messages + parked.messages
    messages = max(0, unfinished.messages - in_hand)
    if messages == 0:
        return Amount(0, 0.0, None if unfinished.tokens is None else 0)
    tokens = unfinished.tokens
    if tokens is not None:
        if unfinished.estimated:
            tokens = round(tokens * messages / unfinished.messages)
        else:
            tokens = max(0, tokens - (flying.tokens or 0) - (parked.tokens or 0))
    # The oldest unfinished message waits if none is in hand; else its age is that of what is in hand.
    seconds = None if in_hand else unfinished.seconds
    return Amount(messages, seconds, tokens, unfinished.estimated, unfinished.at_most)
