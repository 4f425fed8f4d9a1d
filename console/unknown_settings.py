"""Settings that nobody knows: a mistyped word in a file or a variable is passed over, so `argosy doctor` tells it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final, cast

from pydantic import BaseModel

from argosy.console.check import Check, Verdict
from argosy.console.config_sources import sources
from argosy.schemas.settings import Settings

_PREFIX: Final = "ARGOSY_"
_FILES: Final = (".env", "environment")
"""Where others write too: of them only what names a section of ours is looked at."""


def unknown_settings() -> list[Check]:
    """Give a warning for each, with the setting that may have been meant. Settings that can't be read raise."""
    return [_warning(source, name) for source, name in dict.fromkeys((*_of_sources(), *_of_variables()))]


def _sections() -> Mapping[str, Sequence[str]]:
    """List the fields of each section; a setting that lies in none has none."""
    return {
        name: tuple(field.annotation.model_fields)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        else ()
        for name, field in Settings.model_fields.items()
    }


def _of_sources() -> Iterator[tuple[str, str]]:
    known = _sections()
    for source, data in sources():
        for section, inner in data.items():
            if section not in known:
                if source not in _FILES:
                    yield source, section
            elif known[section] and isinstance(inner, Mapping):
                fields = cast("Mapping[str, object]", inner)
                yield from ((source, f"{section}.{field}") for field in fields if field not in known[section])


def _of_variables() -> Iterator[tuple[str, str]]:
    known = _sections()
    for variable in os.environ:
        section, nested, field = variable.upper().removeprefix(_PREFIX).lower().partition("__")
        if variable.upper().startswith(_PREFIX) and nested and section not in known:
            yield "environment", f"{section}.{field}"


def _warning(source: str, name: str) -> Check:
    names = [f"{section}.{field}" for section, fields in _sections().items() for field in fields or ("",)]
    meant = get_close_matches(name, [each.rstrip(".") for each in names], n=1)
    return Check(
        "settings",
        Verdict.WARNING,
        f"there is no setting {name} ({source} has it)",
        "what isn't known is passed over: its value has no effect",
        f"{f'did you mean {meant[0]}? ' if meant else ''}docs/settings.md has all",
    )
