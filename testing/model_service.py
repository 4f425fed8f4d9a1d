"""One call of a scripted model: judged, played, and made into what is sent. State of a server, without its HTTP."""

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from argosy.testing.model_answer import Misfit, answer_of, completion, events
from argosy.testing.model_delivery import Delivery, Parcel
from argosy.testing.model_error import (
    ModelError,
    bad_request,
    limited,
    no_rule,
    scripted,
    too_long,
    unknown_model,
)
from argosy.testing.model_faults import Cut, Fault, Malformed, SlowStart, SlowStream, Status
from argosy.testing.model_ledger import Call, Ending, Ledger
from argosy.testing.model_limits import Admitted, Gate, Limited
from argosy.testing.model_play import Play, Turn
from argosy.testing.model_question import BadQuestion, Question, read_question
from argosy.testing.model_script import MODEL, Script

_OK: Final = 200
_KEY_LETTERS: Final = 8


class ModelService:
    """Plays a script for all callers. Methods may be called from any thread."""

    def __init__(self, script: Script, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin; `clock` gives steady seconds, for limits and the ledger."""
        self.script = script
        self._clock = clock
        self._lock = threading.RLock()
        self.reset()

    def reset(self) -> None:
        """Begin anew: counts, ordered faults, limits, and the ledger."""
        with self._lock:
            # Calls under way end in the ledger in which they began.
            self.ledger = Ledger()
            self._began = self._clock()
            self._play = Play(self.script)
            self._gates: dict[tuple[str, str], Gate] = {}

    def order(self, fault: Fault, rule: str | None = None) -> None:
        """Let a fault hit calls from now on; KeyError if there is no such rule."""
        with self._lock:
            self._play.order(fault, rule)

    def lift(self) -> int:
        """Take back what was ordered; return how many faults that were."""
        with self._lock:
            return self._play.lift()

    @property
    def models(self) -> list[str]:
        """The models that are served, or that at least have rules."""
        named = [rule.model for rule in self.script.rules if rule.model is not None]
        return list(dict.fromkeys(self.script.models or named)) or [MODEL]

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the script's rules."""
        return self._play.rules

    def take(self, body: bytes, headers: Mapping[str, str]) -> Delivery:
        """Take a request for a completion, and give what is to be sent."""
        secret = headers.get("authorization", "").removeprefix("Bearer ")
        call = Call(
            number=0,
            at_seconds=self._now(),
            model="",
            key=hashlib.sha256(secret.encode()).hexdigest()[:_KEY_LETTERS],
            request_id="",
            idempotency_key=headers.get("idempotency-key") or headers.get("x-client-request-id", ""),
        )
        with self._lock:
            call = self.ledger.begin(call)
            try:
                question = read_question(body)
            except BadQuestion as error:
                return self._ended_by(call, bad_request(str(error)), "refused")
            call = replace(call, model=question.model, stream=question.stream)
            if self.script.models and question.model not in self.script.models:
                return self._ended_by(call, unknown_model(question, self.models), "refused")
            if self.script.window is not None and question.prompt_tokens > self.script.window:
                return self._ended_by(call, too_long(question, self.script.window), "refused")
            gate = self._gate(question.model, call.key)
            admitted = gate.admit(self._now(), question.prompt_tokens + (question.most_tokens or 0))
            if isinstance(admitted, Limited):
                told = limited(admitted, question.model)
                told = replace(told, headers={**told.headers, **gate.headers(self._now())})
                return self._ended_by(call, told, "limited")
            turn = self._play.turn(question)
            kinds = tuple(fault.kind for fault in turn.faults)
            call = replace(call, rule=turn.rule, call=turn.call, faults=kinds)
            return self._played(call, question, turn, gate, admitted)

    def _played(self, call: Call, question: Question, turn: Turn, gate: Gate, admitted: Admitted) -> Delivery:
        shown = gate.headers(self._now())
        slow = turn.fault(SlowStart)
        made = _parcel(question, turn)
        used = (0, 0)
        if isinstance(made, tuple):
            made, used = made
        parcel = replace(
            made,
            headers={**made.headers, **shown, "x-request-id": call.request_id},
            slow_start_seconds=slow.seconds if slow is not None else 0.0,
        )

        def ended(ending: Ending) -> None:
            with self._lock:
                gate.settle(self._now(), admitted, sum(used))
            end(parcel, ending, used)

        end = self._ender(call)
        return Delivery(parcel, ended)

    def _ended_by(self, call: Call, error: ModelError, ending: Ending) -> Delivery:
        parcel = _error_parcel(error, ending)
        parcel = replace(parcel, headers={**parcel.headers, "x-request-id": call.request_id})
        end = self._ender(call)
        return Delivery(parcel, lambda ending: end(parcel, ending, (0, 0)))

    def _ender(self, call: Call) -> Callable[[Parcel, Ending, tuple[int, int]], None]:
        ledger, began = self.ledger, self._began

        def end(parcel: Parcel, ending: Ending, used: tuple[int, int]) -> None:
            ledger.end(
                replace(
                    call,
                    status=parcel.status,
                    ending=ending,
                    prompt_tokens=used[0],
                    completion_tokens=used[1],
                    took_seconds=self._clock() - began - call.at_seconds,
                )
            )

        return end

    def _gate(self, model: str, key: str) -> Gate:
        found = self._gates.get((model, key))
        if found is None:
            limits = self.script.limits_of.get(model, self.script.limits)
            found = self._gates[model, key] = Gate(limits, self._now())
        return found

    def _now(self) -> float:
        return self._clock() - self._began


def _parcel(question: Question, turn: Turn) -> Parcel | tuple[Parcel, tuple[int, int]]:
    """Make what is sent: an error, or an answer and the tokens that it took."""
    status = turn.fault(Status)
    if status is not None:
        return _error_parcel(scripted(status), "refused")
    if turn.refused:
        return _error_parcel(no_rule(question), "refused")
    try:
        answer = answer_of(question, turn)
    except Misfit as error:
        return _error_parcel(bad_request(str(error), "script_misfit"), "refused")
    slow, cut, malformed = turn.fault(SlowStream), turn.fault(Cut), turn.fault(Malformed) is not None
    if question.stream:
        pieces = events(answer, tells_usage=question.tells_usage)
        if malformed:
            # Not the [DONE], which nobody reads as JSON.
            pieces = [*pieces[:-2], pieces[-2][: len(pieces[-2]) // 2] + b"\n\n"]
        headers = {"content-type": "text/event-stream"}
        cut_after = min(cut.after, len(pieces) - 1) if cut is not None else None
    else:
        body = completion(answer)
        body = body[: len(body) // 2] if malformed else body
        pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        cut_after = 1 if cut is not None else None
    parcel = Parcel(
        _OK,
        pieces,
        headers,
        slow_stream_seconds=slow.seconds if slow is not None else 0.0,
        cut_after=cut_after,
    )
    return parcel, (answer.prompt_tokens, answer.completion_tokens)


def _error_parcel(error: ModelError, ending: Ending) -> Parcel:
    length = str(len(error.body))
    headers = {"content-type": "application/json", "content-length": length, **error.headers}
    return Parcel(error.status, [error.body], headers, ending=ending)
