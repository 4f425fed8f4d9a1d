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

    def __init_subclass__(cls, *, code: str = "", retriable: bool | None = None) -> None:
        """Name a class of the tree; what isn't given is its base's."""
        cls.code = code or cls.code
        cls.retriable = cls.retriable if retriable is None else retriable


class Advice(ArgosyError, code="advice"):
    """An error in three lines: what happened, why, and what to do next."""

    def __init__(self, what: str, why: str = "", do: str = "") -> None:
        """Keep the three parts apart, so that a console can set them apart."""
        self.what, self.why, self.do = what, why, do
        lines = [what]
        if why:
            lines.append(f"  why: {why}")
        if do:
            lines.append(f"  do:  {do}")
        super().__init__("\n".join(lines))


class BuildError(Advice, code="build"):
    """A pipeline, an agent or a pick that can't be right, found before anything runs."""


class ConfigurationError(Advice, code="configuration"):
    """A setting that is missing, malformed or contradicts a service that was found."""


class SandboxMissing(ConfigurationError, code="sandbox_missing"):
    """No sandbox works here, and nobody has said that code may run without one: nothing was run."""


class BadArgument(ConfigurationError, code="bad_argument"):
    """A call of the client with a value that can't be: nothing was sent."""


class NotFound(Advice, code="not_found"):
    """What was named on the command line or in a call isn't there."""


class ChildFailed(Advice, code="child_failed"):
    """A supervised process ended, or did not become ready, when it was first started."""


# -- what a handler says, and what is said of a handler


class Retry(ArgosyError, code="retry", retriable=True):
    """Raised by an agent: this attempt failed, another one may succeed."""

    def __init__(self, reason: str = "", *, after_seconds: float | None = None) -> None:
        """`after_seconds` replaces the contract's backoff for the next attempt."""
        super().__init__(reason)
        self.after_seconds = after_seconds


class Reject(ArgosyError, code="rejected"):
    """Raised by an agent: this task can't succeed; there are no more attempts."""


class ContextRefused(ArgosyError, code="context_refused"):
    """The inputs don't fit the agent's context window and its contract says `refuse`."""

    def __init__(self, message: str, *, tokens: int = 0, room: int = 0, window: int = 0) -> None:
        """`tokens` is what was to be sent, `room` what may be, `window` the model's whole context."""
        super().__init__(message)
        self.tokens, self.room, self.window = tokens, room, window


class ContextOverflow(ArgosyError, code="overflow"):
    """The model itself found the prompt larger than planned."""

    def __init__(self, message: str, *, measured_tokens: int) -> None:
        """`measured_tokens` is the size that the model (or our own count before the call) found."""
        super().__init__(message)
        self.measured_tokens = measured_tokens


class InvalidInput(ArgosyError, code="invalid_input"):
    """A task's inputs can't be decoded into what its agent declares."""


class ToolNotAllowed(ArgosyError, code="tool_not_allowed"):
    """An agent asked for a tool that it doesn't declare."""

    why = "what an agent may call is what its `@agent(tools=[...])` lists, whoever asks"
    do = "list the tool there, if the agent is meant to have it"


class Tainted(ArgosyError, code="tainted"):
    """Content of strangers was about to reach a dangerous tool; nothing was called."""

    why = (
        "what tools and documents say may be an order to the model, and this agent has a tool that does harm"
    )
    do = "let an agent without dangerous tools read it, or say @agent(refuse_tainted=False) if the risk is known"


class ToolError(ArgosyError, code="tool_error", retriable=True):
    """A tool says that it can't do what was asked; a model that asked for it is told so, and may ask otherwise."""


class ToolFailed(ArgosyError, code="tool_failed", retriable=True):
    """A tool's server can't be started, died, hung, or gave what is no answer."""


class ToolResultTooLarge(ArgosyError, code="tool_result_too_large"):
    """A tool gave more than it may: nothing of it was cut, nothing of it is used."""


class InvalidResult(ArgosyError, code="invalid_result", retriable=True):
    """A handler returned something else than it declares; a model may do better next time."""


class ResultTooLarge(ArgosyError, code="result_too_large"):
    """A handler returned more than the hard cap on results."""


class FactsTooLarge(ArgosyError, code="facts_too_large"):
    """What the coordinator must read of a result is over 64 KiB."""


class HandlerTimeout(ArgosyError, code="timeout", retriable=True):
    """The handler was still running at its time limit."""


class HandlerExit(ArgosyError, code="exit", retriable=True):
    """The handler tried to end the process (`sys.exit`, `KeyboardInterrupt`)."""


class ModelBusy(ArgosyError, code="model_busy", retriable=True):
    """The model server asks for patience (429, 503); waiting is not a failure of the task."""

    def __init__(self, message: str, *, after_seconds: float, over_limit: bool = True) -> None:
        """`after_seconds` is the server's own word where it gave one; unless `over_limit` its load is why."""
        super().__init__(message)
        self.after_seconds = after_seconds
        self.over_limit = over_limit


class ModelFailed(ArgosyError, code="model_failed", retriable=True):
    """The model server failed, or what it answered can't be used."""


class ModelRefused(ArgosyError, code="model_refused"):
    """The model server refuses us for good: wrong key, unknown model, bad request."""


class BudgetSpent(ArgosyError, code="budget_spent"):
    """What is left of the run's budget is less than the next model call may take; it was not made."""

    why = "all model calls of a run share its budget"
    do = "raise it (argosy runs budget) where the run asks, or submit with more; joins that take holes go on without"

    def __init__(  # noqa: PLR0913 - figures, by name
        self,
        message: str,
        *,
        tokens: int = 0,
        micros: int = 0,
        asked_tokens: int = 0,
        asked_micros: int = 0,
        limit_tokens: int | None = None,
        limit_micros: int | None = None,
    ) -> None:
        """`tokens` and `micros` (money, in millionths) were spent; the call may have taken as much as was asked.

        The limits are those of the run; of a tenant's budget none is told: a run can't ask for more of that.
        """
        super().__init__(message)
        self.tokens, self.micros, self.asked_tokens, self.asked_micros = (
            tokens,
            micros,
            asked_tokens,
            asked_micros,
        )
        self.limit_tokens, self.limit_micros = limit_tokens, limit_micros


class ClaimLost(ArgosyError, code="claim_lost"):
    """The exclusive right to run this attempt is gone; nothing of it may take effect any more."""


class WorkerBroken(ArgosyError, code="worker_broken"):
    """A worker that can't go on: a handler that ignores its cancellation still runs in it. Start a fresh process."""


class ClientBroken(Advice, code="client_broken"):
    """A client of Kafka's of which a background task has ended: it does nothing any more, and never will again."""


# -- how a run ended, for who waits for it


class RunError(ArgosyError, code="run"):
    """A run that didn't succeed; `run_id` names it."""

    def __init__(self, run_id: str, reason: str = "") -> None:
        """`reason` is the run's own: the first fault that decided it."""
        super().__init__(f"run {run_id}: {reason}" if reason else f"run {run_id}")
        self.run_id, self.reason = run_id, reason


class RunFailed(RunError, code="run_failed"):
    """The run ended as failed."""


class RunCancelled(RunError, code="run_cancelled"):
    """The run was cancelled."""


class RunExpired(RunError, code="run_expired"):
    """The run was still going at its deadline."""


class RunConflict(RunError, code="run_conflict"):
    """Another run has this id, with other data."""


class RunRefused(RunError, code="run_refused"):
    """The submit was refused; nothing was started."""

    def __init__(self, run_id: str, reason: str = "", *, field: str = "") -> None:
        """`field` is the dotted path of the value that is wrong, as in `input.documents.3.title`."""
        super().__init__(run_id, reason)
        self.field = field


class Busy(RunRefused, code="busy", retriable=True):
    """As many runs are under way as the fleet may hold; nothing was started."""

    why = "fleet.most_runs, fleet.most_runs_of and fleet.most_run_bytes bound what is under way"
    do = 'submit again in a while, or let it wait (when_busy="wait"); argosy lag shows how full the fleet is'

    def __init__(
        self,
        run_id: str,
        reason: str = "",
        *,
        retry_after_seconds: int = 1,
        under_way: int = 0,
        most: int = 0,
    ) -> None:
        """`under_way` of `most`: of the bound that is reached."""
        super().__init__(run_id, reason)
        self.retry_after_seconds, self.under_way, self.most = retry_after_seconds, under_way, most


class ResultTimeout(RunError, code="result_timeout", retriable=True):
    """The caller stopped waiting; the run itself goes on."""

    why = "its deadline is later than the caller's; the run goes on"

    def __init__(self, run_id: str, reason: str = "") -> None:
        """Name the run in what to do, too."""
        super().__init__(run_id, reason)
        self.do = f"argosy why {run_id} says what it waits for, argosy runs show {run_id} how far it is"


# -- messages and payloads


class BadMessage(ArgosyError, code="bad_message"):
    """Bytes or headers that are not one of our messages; `field` says where."""

    def __init__(self, message: str, *, field: str = "") -> None:
        """`field` is the header or the dotted path in the body, empty if the whole is meant."""
        super().__init__(f"{field}: {message}" if field else message)
        self.field = field


class NewerVersion(ArgosyError, code="newer_version", retriable=True):
    """Written by a newer release than this one: wait for the roll-out, never discard."""


class PayloadGone(ArgosyError, code="payload_gone"):
    """A referenced payload isn't in the store any more."""


# -- services


class Unreachable(ArgosyError, code="unreachable", retriable=True):
    """A service didn't answer in time: whether the request took effect is *unknown*."""

    why = "it is down, overloaded, or not where the settings say"
    do = "argosy up (or dev) starts one here, argosy doctor tells more; a repeat with the same run id changes nothing"


class MessageTooLarge(ArgosyError, code="message_too_large"):
    """Kafka will never take a message of this size."""

    why = "large values belong in the payload store: of inputs and results the fleet sees to that itself"
    do = "send less, or raise kafka.max_message_bytes for every process and the topics"


class StaleGeneration(ArgosyError, code="stale_generation"):
    """The broker says that this member is not in the group, or in an older generation of it."""


class Refused(ArgosyError, code="refused"):
    """A service understood the request and said no (authorisation, wrong state)."""

    why = "a right, a setting or a version is missing or wrong"
    do = "argosy doctor looks at all three"


class NotAllowed(Refused, code="not_allowed"):
    """A right of ours is missing; the text names it, and what grants it."""


class ChainBroken(ArgosyError, code="chain_broken"):
    """Another commit than ours is the lane's last: another owner, a rollback or a wipe."""


# -- the testing kit


class Stalled(ArgosyError, code="stalled"):
    """Nothing can happen any more in a simulation, and what is waited for hasn't."""

    why = "no task can run and no timer is set"
    do = "look at the tasks that it names: each waits for something that nobody will do"


class SimulationBroken(ArgosyError, code="simulation_broken"):
    """A process of a simulated fleet ended with an error that none of ours is: a defect."""

    why = "a fleet's processes end by signals, or by an error of argosy's own tree"
    do = "if it is not your own code's, report it with the fleet's seed"
