"""The options that every command takes, wherever they stand on the command line."""

from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Options:
    """What was asked of the command line as a whole.

    `json`: one object on stdout, one per line when watching. `quiet`: no progress on stderr. `yes`: don't
    ask. `config`: another file than `argosy.toml`. `debug`: tracebacks.
    """

    json: bool = False
    quiet: bool = False
    yes: bool = False
    config: Path | None = None
    debug: bool = False


HELP: Final = "Every command also takes --json, --quiet, --yes, --config FILE and --debug."
_FLAGS: Final = frozenset({"--json", "--quiet", "-q", "--yes", "-y", "--debug"})
_CURRENT: Final = ContextVar[Options | None]("options", default=None)


def options() -> Options:
    """Return what this command line asked for; the defaults outside of one."""
    return _CURRENT.get() or Options()


def set_options(chosen: Options) -> None:
    """Say what this command line asked for; called once, before the command."""
    _CURRENT.set(chosen)


def split_options(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Part the general options from the command and its own: `status --json` means `--json status`.

    What follows a bare `--` is left alone.
    """
    general: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            return general, [*rest, word, *words]
        if word in _FLAGS or word.startswith("--config="):
            general.append(word)
        elif word == "--config":
            general.extend([word, *[value for value in [next(words, None)] if value is not None]])
        else:
            rest.append(word)
    return general, rest
