"""Figures in values, with the words they stand among: which ones have no source, and which contradict theirs. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from argosy.console.sought import NUMBER, leaves, number_text, sentences, shortened

_WORD: Final = re.compile(r"[^\W\d_]{3,}")
_STOP: Final = frozenset(
    {"the", "and", "for", "was", "were", "are", "has", "had", "with", "that", "this", "its", "from"}
)
_ALIKE: Final = 0.5
"""Of the words around a figure, so many must be around another that says of the same thing something else."""
_TEXT_WORDS: Final = 2
MOST: Final = 5
"""Told of one task."""
_MOST_CLAIMS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure and what it is said of."""

    figure: str
    words: frozenset[str]
    text: str
    keyed: bool
    """It is a value of its own, whose words are the names of its fields."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """An input says one figure, the output another one of the same thing."""

    input: str
    was: str
    became: str
    input_text: str
    output_text: str


def claims(value: JsonValue) -> Iterator[Claim]:
    """Find the figures of a value."""
    for leaf in leaves(value):
        names = _words(" ".join(part for part in leaf.path if isinstance(part, str)).replace("_", " "))
        label = next((part for part in reversed(leaf.path) if isinstance(part, str)), "")
        if not leaf.is_text:
            if leaf.text[-1:].isdigit():
                yield Claim(leaf.text.lstrip("-"), names, f"{label}: {leaf.text}".lstrip(": "), keyed=True)
            continue
        for each in sentences(leaf.text):
            words = _words(each) | names
            for found in NUMBER.finditer(each):
                yield Claim(number_text(found[0]), words, shortened(each), keyed=False)


def unsupported(output: JsonValue, inputs: Iterable[JsonValue]) -> tuple[Claim, ...]:
    """List the figures of an output, each once, that no input has."""
    known = {claim.figure for value in inputs for claim in claims(value)}
    found: dict[str, Claim] = {}
    for claim in claims(output):
        if claim.figure not in known:
            found.setdefault(claim.figure, claim)
    return tuple(found.values())


def contradictions(
    new: Sequence[Claim], output: JsonValue, inputs: Mapping[str, JsonValue]
) -> tuple[Contradiction, ...]:
    """Find, for figures that are new in an output, the ones that inputs have in their place and it no longer has."""
    if not new:
        return ()
    kept = {claim.figure for claim in claims(output)}
    there: list[tuple[str, Claim]] = []
    for name, value in inputs.items():
        for claim in claims(value):
            if claim.figure not in kept and len(there) < _MOST_CLAIMS:
                there.append((name, claim))
    found: list[Contradiction] = []
    for claim in new:
        best = max(there, key=lambda entry: _alike(claim, entry[1]), default=None)
        if best is not None and _alike(claim, best[1]) >= _ALIKE:
            name, was = best
            found.append(Contradiction(name, was.figure, claim.figure, was.text, claim.text))
    return tuple(found)


def _alike(one: Claim, two: Claim) -> float:
    common = one.words & two.words
    enough = len(common) >= _TEXT_WORDS or one.words == two.words or one.keyed or two.keyed
    if not common or not enough:
        return 0.0
    return len(common) / max(1, min(len(one.words), len(two.words)))


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold())) - _STOP
