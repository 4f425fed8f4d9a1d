"""Steps that wait, the slow way: lists of signals by the name of their step, for the whole run."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from argosy.schemas.canonical import canonical_hash
from argosy.schemas.ids import step_of
from argosy.schemas.pipeline import ApprovalStep, SignalStep, SleepStep, Step
from argosy.schemas.runlog import SignalReceived, TaskSettled

if TYPE_CHECKING:
    from support.reference import Reference


@dataclass
class Signals:
    """Of a run."""

    queues: dict[str, list[SignalReceived]] = field(default_factory=dict)
    """By the name of the step in the run: signals that may count."""
    asked: dict[str, int] = field(default_factory=dict)
    about: set[str] = field(default_factory=set)
    """Approvals that know what they are about."""


def hash_about(name: str) -> str:
    """What an approval must name: a look at what it is about gives a value with its name, see `succeeded`."""
    return canonical_hash(f"{name}#1")


def begin(where: "Reference", step: Step) -> None:
    if not isinstance(step, SleepStep):
        if isinstance(step, ApprovalStep):
            _ask(where, step.name)
        else:
            _next(where, step)


def sent(root: "Reference", signal: SignalReceived) -> None:
    name = signal.name
    planned = root.plan.signalled(name)
    if planned is None or root.outcome is not None or is_over(root, name):
        return
    queue = root.signals.queues.setdefault(name, [])
    if any(other.signal_id == signal.signal_id for kept in root.signals.queues.values() for other in kept):
        return
    queue.append(signal)
    where, local = root.at(name)
    if where is not None and local in where.fired and local not in where.looking:
        _next(where, where.pipeline.step(local))


def is_over(where: "Reference", name: str) -> bool:
    """Say whether a step has ended, or what it is part of, as far as that has begun."""
    first, slash, rest = name.partition("/")
    if where.outcome is not None or first in where.ended or step_of(first)[0] in where.ended:
        return True
    if first in where.done and where.shards.get(first, "r") != "r":
        return True
    return bool(slash) and first in where.inside and is_over(where.inside[first], rest)


def looked(where: "Reference", step: Step, message: TaskSettled) -> None:
    name = where.named(step.name)
    signals = where.root.signals
    if message.attempt != signals.asked[name]:
        return
    where.looking.remove(step.name)
    good = message.outcome == "succeeded"
    if isinstance(step, ApprovalStep) and name not in signals.about:
        if not good:
            where.end(step, "f", name)
            return
        signals.about.add(name)
        _next(where, step)
    elif good:
        where.looked[step.name] = message
        where.end(step, "k", name)
    else:
        signals.queues[name].pop(0)
        _next(where, step)


def timed_out(where: "Reference", step: Step) -> None:
    assert isinstance(step, SignalStep | ApprovalStep)
    if step.on_timeout == "fail":
        where.root.finish("failed", where.named(step.name))
    else:
        where.end(step, "e", where.named(step.name))


def kept(root: "Reference") -> dict[str, list[str]]:
    """Name the signals that are held, by step."""
    return {
        name: [signal.signal_id for signal in queue]
        for name, queue in root.signals.queues.items()
        if queue and not is_over(root, name)
    }


def _next(where: "Reference", step: Step) -> None:
    queue = where.root.signals.queues.get(where.named(step.name), [])
    while queue and isinstance(step, ApprovalStep) and not _fits(where, step, queue[0]):
        queue.pop(0)
    if queue:
        _ask(where, step.name)


def _fits(where: "Reference", step: Step, signal: SignalReceived) -> bool:
    said = signal.value.get("approved") if isinstance(signal.value, dict) else None
    return isinstance(said, bool) and signal.about_sha256 == hash_about(where.named(step.name))


def _ask(where: "Reference", local: str) -> None:
    asked, name = where.root.signals.asked, where.named(local)
    asked[name] = asked.get(name, 0) + 1
    where.looking.add(local)
