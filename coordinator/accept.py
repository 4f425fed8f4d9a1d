"""Accepting a submit.

From what a client sent to a record that pins everything the run will ever depend on.
"""

from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from argosy.broker import tokens
from argosy.broker.facts import answer
from argosy.broker.recent import Recent
from argosy.broker.store import Payloads
from argosy.broker.values import decode_value, encode_value, to_payload
from argosy.coordinator import signal_in
from argosy.coordinator.admission import (
    NotAdmitted,
    Unjudged,
    check_budget,
    check_input_size,
    check_pipeline,
    check_rules,
    deadline_ms,
    submitted_ms,
)
from argosy.coordinator.input_check import InputCheck, check_signals
from argosy.coordinator.known_pipelines import data_hash, known
from argosy.coordinator.learnt import Factors
from argosy.coordinator.model_windows import window_of
from argosy.coordinator.registry import Registry
from argosy.coordinator.reused_check import check_reused
from argosy.schemas.errors import ArgosyError, BadMessage, FactsTooLarge, InvalidInput, PayloadGone
from argosy.schemas.facts import tainted_facts
from argosy.schemas.fault import MESSAGE_CHARACTERS
from argosy.schemas.inbox import RunSubmitted, SignalSent
from argosy.schemas.payload import INLINE_BYTES, Payload, Reference, tainted
from argosy.schemas.pipeline import CompiledPipeline
from argosy.schemas.result import SubmitRefused
from argosy.schemas.runlog import RunAccepted
from argosy.schemas.settings import Settings
from argosy.schemas.taint import DOCUMENT, UNTAINTED

_CHECKED_BYTES: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Arrived:
    """Where and when a submit lies in the inbox."""

    position: str
    """`<partition>/<offset>`."""
    appended_ms: int
    ce_time_ms: int | None


class Accept:
    """Judges submits; holds nothing but caches."""

    def __init__(self, settings: Settings, registry: Registry, payloads: Payloads, factors: Factors) -> None:
        """`registry` resolves names, `factors` knows what models make of our tokens."""
        self._settings, self._registry, self._payloads = settings, registry, payloads
        self._factors = factors
        self._inputs = InputCheck()
        self._checked = Recent[bool](_CHECKED_BYTES)
        """Identities of pipelines that have been found right."""

    def agents_at_once(self, submit: RunSubmitted, size: int) -> frozenset[str] | None:
        """Name the agents of a submit that `accept` can judge without waiting for anybody; None if it can't.

        `size` is that of the submit, in bytes.
        """
        pipeline = submit.pipeline
        if isinstance(pipeline, str) or submit.input_ref is not None or submit.reused or size > INLINE_BYTES:
            return None
        document = known(pipeline)
        # Lists may go to the payload store, item by item or as a manifest.
        if not self._checked.get(document.identity) or any(want.kind == "list" for want in document.wants):
            return None
        return document.agents

    async def accept(self, submit: RunSubmitted, arrived: Arrived) -> RunAccepted:
        """Pin a submit. Raises NotAdmitted with the answer (Unjudged: a defect of ours), Unreachable (payload store).

        Idempotent, as its duplicates are harmless.
        """
        try:
            return await self._accept(submit, arrived)
        except BadMessage as error:
            text = str(error).removeprefix(f"{error.field}: ")
            raise NotAdmitted(
                SubmitRefused(reason="invalid", message=text, field=error.field, position=arrived.position)
            ) from None
        except PayloadGone as error:
            raise NotAdmitted(
                SubmitRefused(
                    reason="payload_gone", message=str(error), field="input_ref", position=arrived.position
                )
            ) from None
        except (FactsTooLarge, InvalidInput) as error:
            raise NotAdmitted(
                SubmitRefused(reason="invalid", message=str(error), field="input", position=arrived.position)
            ) from None
        except (NotAdmitted, ArgosyError, MemoryError):
            raise
        except Exception as error:
            # Else every coordinator in turn would end of it. Want of memory passes: another one may have it.
            text = f"it could not be judged: {type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]
            raise Unjudged(
                SubmitRefused(reason="invalid", message=text, position=arrived.position)
            ) from error

    async def store_signal(self, sent: SignalSent) -> Reference | None:
        """Put the value of a signal into the payload store, if it is large. BadMessage, Unreachable."""
        return await signal_in.store(sent, self._payloads, self._settings.fleet.hard_input_bytes)

    async def _accept(self, submit: RunSubmitted, arrived: Arrived) -> RunAccepted:
        fleet = self._settings.fleet
        check_budget(submit.budget, submit.budget_micros, fleet.rules)
        since_ms = submitted_ms(arrived.ce_time_ms, arrived.appended_ms, fleet, arrived.position)
        pipeline = await self._pipeline(submit.pipeline, arrived.position)
        document = known(pipeline)
        identity = document.identity
        if not self._checked.get(identity):
            check_pipeline(pipeline)
            check_rules(pipeline, fleet.rules)
            check_signals(pipeline)
            self._checked.put(identity, value=True, size=len(identity))
        until_ms = deadline_ms(submit, pipeline, since_ms, fleet)
        taint = (DOCUMENT,) if submit.untrusted else UNTAINTED
        value, given = await self._input(submit, arrived.position)
        self._inputs.check(identity, pipeline, value)
        await check_reused(submit, document, fleet.rules, self._payloads)
        return RunAccepted(
            rules=fleet.rules,
            pipeline=pipeline,
            input=tainted(given, taint),
            facts=tainted_facts(await answer(value, document.wants, tokens.count, self._payloads), taint),
            data_hash=data_hash(submit),
            position=arrived.position,
            submitted_ms=since_ms,
            deadline_ms=until_ms,
            longest_and_window_ms=(fleet.longest_run_seconds + fleet.window_seconds) * 1000,
            priority=submit.priority,
            tenant=submit.tenant,
            budget=submit.budget,
            budget_micros=submit.budget_micros,
            on_spent=submit.on_spent,
            ask_ms=None
            if submit.ask_seconds is None
            else round(min(submit.ask_seconds, fleet.longest_run_seconds) * 1000),
            replay_of=submit.replay_of,
            reused=submit.reused,
            windows=self._windows(pipeline),
            factors=self._factors.of(pipeline.contracts()),
        )

    async def _pipeline(self, given: str | CompiledPipeline, position: str) -> CompiledPipeline:
        if isinstance(given, CompiledPipeline):
            return given
        wait = self._settings.fleet.unknown_pipeline_seconds
        found = await self._registry.find(given, wait)
        if found is None:
            unreadable = self._registry.unreadable(given)
            if unreadable is None:
                name = repr(given[:200])
                text = f"{name} was not published within {wait:g} s: `argosy publish` it, or send it along"
            else:
                text = (
                    f"{unreadable[:200]!r} was published, but this release can't read it: `argosy publish` it anew, "
                    "or upgrade the coordinators"
                )
            raise NotAdmitted(
                SubmitRefused(reason="unknown_pipeline", message=text, field="pipeline", position=position)
            )
        return found

    async def _input(self, submit: RunSubmitted, position: str) -> tuple[JsonValue, Payload]:
        if submit.input_ref is None:
            return submit.input, await to_payload(encode_value(submit.input), tokens.count, self._payloads)
        check_input_size(submit.input_ref.bytes, self._settings.fleet, position)
        data = await self._payloads.get(submit.input_ref.sha256)
        check_input_size(len(data), self._settings.fleet, position)
        # Counted anew: a client's numbers are its own affair. Put anew too: collection goes by age.
        return decode_value(data), await to_payload(data, tokens.count, self._payloads)

    def _windows(self, pipeline: CompiledPipeline) -> dict[str, int]:
        contracts = pipeline.contracts()
        found = {name: window_of(contract, self._settings.model) for name, contract in contracts.items()}
        return {name: window for name, window in found.items() if window is not None}
