"""A release before pages, for tests of a roll-out: it knows neither the word of a system task nor its version."""

# pyright: reportPrivateUsage=false

from typing import Final

from argosy.schemas import codec, envelope

PLUG: Final = f"{__name__}:install"


def install() -> None:
    """Make a process one of that release."""
    envelope._VERSIONS.clear()  # noqa: SLF001 - a release that never had it
    codec.MESSAGES.pop("task.system")
