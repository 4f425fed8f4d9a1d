"""`argosy runs history RUN`: everything that happened to a run, in the order of cause and effect."""

from dataclasses import dataclass
from typing import assert_never

from argosy.console.numbers import counted
from argosy.console.run_history import History, Logged
from argosy.console.timer_words import timer_words
from argosy.schemas.ids import local_part
from argosy.schemas.runlog import (
    BudgetReceived,
    CancelReceived,
    LogMessage,
    RunAccepted,
    RunEnded,
    SignalReceived,
    StepRecorded,
    SubmitTurnedAway,
    TaskSettled,
    TimerFired,
)


@dataclass(frozen=True, slots=True)
class Happened:
    """One record of the run's log. `cause` is the offset that it answers; `effect` False: it changed nothing."""

    offset: int
    cause: int | None
    ordinal: int
    time_ms: int
    kind: str
    task: str
    source: str
    what: str
    effect: bool


def story(history: History) -> list[Happened]:
    """Tell all records by offset: the run's logical clock, a total order that agrees with cause and effect.

    A record stands after the one at its `cause`; what one worker did between two offsets has rising ordinals.
    """
    return [happened(each, history) for each in sorted(history.records, key=lambda each: each.offset)]


def happened(logged: Logged, history: History) -> Happened:
    """Tell one record."""
    envelope, message = logged.envelope, logged.message
    task = local_part(message.task_id) if isinstance(message, TaskSettled | StepRecorded) else ""
    return Happened(
        offset=logged.offset,
        cause=envelope.cause,
        ordinal=envelope.ordinal,
        time_ms=logged.time_ms,
        kind=envelope.kind,
        task=task,
        source=envelope.source.removeprefix("argosy/"),
        what=_what(message),
        effect=logged.offset not in history.moot,
    )


def _what(message: LogMessage) -> str:  # noqa: C901, PLR0911 - one return for each kind
    match message:
        case RunAccepted():
            pipeline = message.pipeline
            steps = counted(len(pipeline.steps), "step")
            of = "" if message.replay_of is None else f", a replay of {message.replay_of.run_id}"
            return f"{pipeline.name}@{pipeline.version}, {steps}, inbox {message.position}{of}"
        case SubmitTurnedAway():
            return f"inbox {message.position}, refused if it is new: {message.full.said}"
        case TaskSettled() if (
            not message.deliveries and not message.worker and message.outcome == "succeeded"
        ):
            return f"looked at by the coordinator, {counted(len(message.facts), 'fact')}"
        case TaskSettled():
            usage = message.usage
            text = f"attempt {message.attempt} {message.outcome} in {message.duration_ms / 1000:.1f} s"
            if usage.input_tokens or usage.output_tokens:
                text += f", tokens {usage.input_tokens} in, {usage.output_tokens} out"
            return text + (f": {message.fault.said}" if message.fault else "")
        case StepRecorded():
            return f"memo {message.name} of attempt {message.attempt}"
        case SignalReceived():
            about = f" about {message.about_sha256[:12]}" if message.about_sha256 else ""
            return f"signal {message.name}{about}"
        case CancelReceived():
            return f"cancel: {message.reason}" if message.reason else "cancel"
        case BudgetReceived():
            kinds = ((message.tokens, "tokens"), (message.micros, "millionths"))
            more = " and ".join(f"{most} {what}" for most, what in kinds if most is not None)
            said = "the budget is not raised" if message.refused else f"raise the budget to {more}"
            by = f", says {message.by}" if message.by else ""
            return f"{said}{by}: {message.reason}" if message.reason else f"{said}{by}"
        case TimerFired():
            return f"{timer_words(message.name)}: armed at {message.armed}"
        case RunEnded():
            why = message.fault.beside(message.outcome) if message.fault else ""
            return f"{message.outcome}: {why}" if why else message.outcome
        case _:
            assert_never(message)
