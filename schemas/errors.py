"""The one error tree: what went wrong, whether trying again may help, and what to do about it.

`retriable` is a property of the class: a loop asks the error, it never lists types.
`code` is what travels on the wire in a fault; it is stable, the text is not.
"""

from typing import ClassVar


class ArgosyError(Exception):
    """Base of everything argosy raises on purpose."""

    code: ClassVar[str] = "error"
    retriable: ClassVar[bool] = False
    why: str = ""
    """What mostly lies behind errors of the class; `Advice` knows better."""
    do: str = ""
    """What to do about it."""


class Advice(ArgosyError):
    """An error in three lines: what happened, why, and what to do next."""

    code = "advice"

    def __init__(self, what: str, why: str = "", do: str = "") -> None:
        """Keep the three parts apart, so that a console can set them apart."""
        self.what, self.why, self.do = what, why, do
        lines = [what]
        if why:
            lines.append(f"  why: {why}")
        if do:
            lines.append(f"  do:  {do}")
        super().__init__("\n".join(lines))


class BuildError(Advice):
    """A pipeline, an agent or a pick that can't be right, found before anything runs."""

    code = "build"


class ConfigurationError(Advice):
    """A setting that is missing, malformed or contradicts a service that was found."""

    code = "configuration"


class BadArgument(ConfigurationError):
    """A call of the client with a value that can't be: nothing was sent."""

    code = "bad_argument"


class NotFound(Advice):
    """What was named on the command line or in a call isn't there."""

    code = "not_found"


class ChildFailed(Advice):
    """A supervised process ended, or did not become ready, when it was first started."""

    code = "child_failed"


# -- what a handler says, and what is said of a handler


class Retry(ArgosyError):
    """Raised by an agent: this attempt failed, another one may succeed."""

    code = "retry"
    retriable = True

    def __init__(self, reason: str = "", *, after_seconds: float | None = None) -> None:
        """`after_seconds` replaces the contract's backoff for the next attempt."""
        super().__init__(reason)
        self.after_seconds = after_seconds


class Reject(ArgosyError):
    """Raised by an agent: this task can't succeed; there are no more attempts."""

    code = "rejected"


class ContextRefused(ArgosyError):
    """The inputs don't fit the agent's context window and its contract says `refuse`."""

    code = "context_refused"

    def __init__(self, message: str, *, tokens: int = 0, room: int = 0, window: int = 0) -> None:
        """`tokens` is what was to be sent, `room` what may be, `window` the model's whole context."""
        super().__init__(message)
        self.tokens, self.room, self.window = tokens, room, window


class ContextOverflow(ArgosyError):
    """The model itself found the prompt larger than planned."""

    code = "overflow"

    def __init__(self, message: str, *, measured_tokens: int) -> None:
        """`measured_tokens` is the size that the model (or our own count before the call) found."""
        super().__init__(message)
        self.measured_tokens = measured_tokens


class InvalidInput(ArgosyError):
    """A task's inputs can't be decoded into what its agent declares."""

    code = "invalid_input"


class InvalidResult(ArgosyError):
    """A handler returned something else than it declares; a model may do better next time."""

    code = "invalid_result"
    retriable = True


class ResultTooLarge(ArgosyError):
    """A handler returned more than the hard cap on results."""

    code = "result_too_large"


class FactsTooLarge(ArgosyError):
    """What the coordinator must read of a result is over 64 KiB."""

    code = "facts_too_large"


class HandlerTimeout(ArgosyError):
    """The handler was still running at its time limit."""

    code = "timeout"
    retriable = True


class HandlerExit(ArgosyError):
    """The handler tried to end the process (`sys.exit`, `KeyboardInterrupt`)."""

    code = "exit"
    retriable = True


class ModelBusy(ArgosyError):
    """The model server asks for patience (429, 503); waiting is not a failure of the task."""

    code = "model_busy"
    retriable = True

    def __init__(self, message: str, *, after_seconds: float) -> None:
        """`after_seconds` is the server's own word where it gave one."""
        super().__init__(message)
        self.after_seconds = after_seconds


class ModelFailed(ArgosyError):
    """The model server failed, or what it answered can't be used."""

    code = "model_failed"
    retriable = True


class ModelRefused(ArgosyError):
    """The model server refuses us for good: wrong key, unknown model, bad request."""

    code = "model_refused"


class ClaimLost(ArgosyError):
    """The exclusive right to run this attempt is gone; nothing of it may take effect any more."""

    code = "claim_lost"


class WorkerBroken(ArgosyError):
    """A worker that can't go on: a handler that ignores its cancellation still runs in it. Start a fresh process."""

    code = "worker_broken"


# -- how a run ended, for who waits for it


class RunError(ArgosyError):
    """A run that didn't succeed; `run_id` names it."""

    code = "run"

    def __init__(self, run_id: str, reason: str = "") -> None:
        """`reason` is the run's own: the first fault that decided it."""
        super().__init__(f"run {run_id}: {reason}" if reason else f"run {run_id}")
        self.run_id, self.reason = run_id, reason


class RunFailed(RunError):
    """The run ended as failed."""

    code = "run_failed"


class RunCancelled(RunError):
    """The run was cancelled."""

    code = "run_cancelled"


class RunExpired(RunError):
    """The run was still going at its deadline."""

    code = "run_expired"


class RunConflict(RunError):
    """Another run has this id, with other data."""

    code = "run_conflict"


class RunRefused(RunError):
    """The submit was refused; nothing was started."""

    code = "run_refused"

    def __init__(self, run_id: str, reason: str = "", *, field: str = "") -> None:
        """`field` is the dotted path of the value that is wrong, as in `input.documents.3.title`."""
        super().__init__(run_id, reason)
        self.field = field


class ResultTimeout(RunError):
    """The caller stopped waiting; the run itself goes on."""

    code = "result_timeout"
    retriable = True
    why = "its deadline is later than the caller's; the run goes on"

    def __init__(self, run_id: str, reason: str = "") -> None:
        """Name the run in what to do, too."""
        super().__init__(run_id, reason)
        self.do = f"argosy why {run_id} says what it waits for, argosy runs show {run_id} how far it is"


# -- messages and payloads


class BadMessage(ArgosyError):
    """Bytes or headers that are not one of our messages; `field` says where."""

    code = "bad_message"

    def __init__(self, message: str, *, field: str = "") -> None:
        """`field` is the header or the dotted path in the body, empty if the whole is meant."""
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class NewerVersion(ArgosyError):
    """Written by a newer release than this one: wait for the roll-out, never discard."""

    code = "newer_version"
    retriable = True


class PayloadGone(ArgosyError):
    """A referenced payload isn't in the store any more."""

    code = "payload_gone"


# -- services


class Unreachable(ArgosyError):
    """A service didn't answer in time: whether the request took effect is *unknown*."""

    code = "unreachable"
    retriable = True
    why = "it is down, overloaded, or not where the settings say"
    do = "argosy up (or dev) starts one here, argosy doctor tells more; a repeat with the same run id changes nothing"


class MessageTooLarge(ArgosyError):
    """Kafka will never take a message of this size."""

    code = "message_too_large"
    why = "large values belong in the payload store: of inputs and results the fleet sees to that itself"
    do = "send less, or raise kafka.max_message_bytes for every process and the topics"


class StaleGeneration(ArgosyError):
    """The broker says that this member is not in the group, or in an older generation of it."""

    code = "stale_generation"


class Refused(ArgosyError):
    """A service understood the request and said no (authorisation, wrong state)."""

    code = "refused"
    why = "a right, a setting or a version is missing or wrong"
    do = "argosy doctor looks at all three"


class NotAllowed(Refused):
    """A right of ours is missing; the text names it, and what grants it."""

    code = "not_allowed"


class ChainBroken(ArgosyError):
    """Another commit than ours is the lane's last: another owner, a rollback or a wipe."""

    code = "chain_broken"


# -- the testing kit


class Stalled(ArgosyError):
    """Nothing can happen any more in a simulation, and what is waited for hasn't."""

    code = "stalled"
    why = "no task can run and no timer is set"
    do = "look at the tasks that it names: each waits for something that nobody will do"


class SimulationBroken(ArgosyError):
    """A process of a simulated fleet ended with an error that none of ours is: a defect."""

    code = "simulation_broken"
    why = "a fleet's processes end by signals, or by an error of argosy's own tree"
    do = "if it is not your own code's, report it with the fleet's seed"
