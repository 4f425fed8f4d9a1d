"""Which reply a call gets, and what goes wrong with it: a script being played. No time in it, no I/O."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Final, TypeVar

from argosy.testing.model_faults import WITHHOLDING, Fault, Hits
from argosy.testing.model_question import Question
from argosy.testing.model_script import Rule, Say, Script, rule_name

F = TypeVar("F", bound=Hits)

NO_RULE: Final = ""
"""The rule's name of a call that no rule fits."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one call gets. `say` is None for an echo."""

    rule: str
    call: int
    """The how many-th call of the rule (or of the prompt), from 1."""
    say: Say | None
    faults: tuple[Fault, ...]
    refused: bool = False
    """No rule fits, and the script has nothing else to say."""

    def fault(self, kind: type[F]) -> F | None:
        """Return the first fault of a kind that hits the call."""
        return next((fault for fault in self.faults if isinstance(fault, kind)), None)


@dataclass(slots=True)
class _Ordered:
    """A fault that was ordered while the server runs, and the calls since."""

    fault: Fault
    rule: str | None
    calls: int = 0


class Play:
    """A script and how far it is: the same calls in the same order get the same turns."""

    def __init__(self, script: Script) -> None:
        """Begin at the beginning."""
        self._script = script
        self._calls = 0
        self._asked: Counter[tuple[str, str]] = Counter()
        self._said: Counter[tuple[str, str]] = Counter()
        self._ordered: list[_Ordered] = []

    def turn(self, question: Question) -> Turn:
        """Give a call its turn, and count it."""
        name, rule = self._fitting(question)
        key = (name, question.fingerprint if rule is not None and rule.count_by == "prompt" else "")
        self._calls += 1
        self._asked[key] += 1
        call = self._asked[key]
        faults = (
            *self._ordered_for(name),
            *(fault for fault in self._script.faults if fault.hits(self._calls)),
            *(fault for fault in (rule.faults if rule else ()) if fault.hits(call)),
        )
        refused = rule is None and self._otherwise == "refuse"
        say = None
        if rule is not None and rule.replies:
            reply = rule.replies[min(self._said[key], len(rule.replies) - 1)]
            say = Say(text=reply) if isinstance(reply, str) else reply
        if not any(isinstance(fault, WITHHOLDING) for fault in faults):
            self._said[key] += 1
        return Turn(name, call, say, faults, refused=refused)

    def order(self, fault: Fault, rule: str | None = None) -> None:
        """Let a fault hit calls from now on; its numbers count from here. KeyError if there is no such rule."""
        if rule is not None and rule not in self.rules:
            raise KeyError(rule)
        self._ordered.append(_Ordered(fault, rule))

    def lift(self) -> int:
        """Take back all faults that were ordered, and return how many; the script's own stay."""
        lifted = len(self._ordered)
        self._ordered.clear()
        return lifted

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of all rules."""
        return tuple(rule_name(rule, number) for number, rule in enumerate(self._script.rules))

    @property
    def _otherwise(self) -> str:
        return self._script.otherwise or ("refuse" if self._script.rules else "echo")

    def _fitting(self, question: Question) -> tuple[str, Rule | None]:
        for name, rule in zip(self.rules, self._script.rules, strict=True):
            if fits(rule, question):
                return name, rule
        return NO_RULE, None

    def _ordered_for(self, name: str) -> list[Fault]:
        found: list[Fault] = []
        for ordered in self._ordered:
            if ordered.rule in {None, name}:
                ordered.calls += 1
                if ordered.fault.hits(ordered.calls):
                    found.append(ordered.fault)
        return found


def fits(rule: Rule, question: Question) -> bool:
    """Say whether a rule answers a question: all that it asks for must be so."""
    text = question.last if rule.within == "last" else question.everything
    schema = question.answer.name if question.answer else None
    return (
        (rule.model is None or rule.model == question.model)
        and (rule.role is None or rule.role == question.role)
        and (rule.schema_name is None or rule.schema_name == schema)
        and (rule.contains is None or rule.contains in text)
        and (rule.matches is None or re.search(rule.matches, text) is not None)
    )
