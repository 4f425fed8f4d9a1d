"""Where each setting came from: the sources in their order, and the first that has a word for it."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import BaseModel, SecretStr
from pydantic_settings import (
    DotEnvSettingsSource,
    EnvSettingsSource,
    PyprojectTomlConfigSettingsSource,
    TomlConfigSettingsSource,
)

from argosy.console.service_checks import without_secrets
from argosy.schemas.local_stack import local_stack, stack_folder
from argosy.schemas.settings import CONFIG_VARIABLE, Settings

USUAL: Final[Mapping[str, str]] = {
    "kafka.bootstrap_servers": "KAFKA_BOOTSTRAP_SERVERS",
    "redis.url": "REDIS_URL",
    "model.api_key": "OPENAI_API_KEY",
    "model.base_url": "OPENAI_BASE_URL",
    "telemetry.otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT",
}
"""Names that others have made usual, for settings that our own names leave open."""
_FROM_STACK: Final = frozenset({"kafka.bootstrap_servers", "redis.url"})
_URLS: Final = frozenset({"redis.url", "payloads", "model.base_url", "telemetry.otlp_endpoint"})
HIDDEN: Final = "(set, hidden)"


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting: its value as it may be shown, the variable that sets it, and where its value came from."""

    name: str
    value: object
    source: str
    variable: str


def origins(settings: Settings) -> list[Origin]:
    """Give every setting, in the order of the page."""
    places = list(sources())
    return [
        Origin(name, shown(name, value), _origin(name, places), "ARGOSY_" + name.upper().replace(".", "__"))
        for name, value in _flat(settings)
    ]


def shown(name: str, value: object) -> object:
    """Give a value as it may be shown: no secret, no password in a URL, paths as text."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        return without_secrets(secret) if name in _URLS else HIDDEN
    if isinstance(value, str) and name in _URLS and "://" in value:
        return without_secrets(value)
    return str(value) if isinstance(value, Path) else value


def _flat(settings: Settings) -> Iterator[tuple[str, object]]:
    for name, value in settings:
        if isinstance(value, BaseModel):
            yield from ((f"{name}.{field}", inner) for field, inner in value)
        elif name in {"app", "payloads"}:
            yield name, value


def sources() -> Iterator[tuple[str, Mapping[str, object]]]:
    """Give what each place says, the one that has the last word first."""
    toml = os.environ.get(CONFIG_VARIABLE, "argosy.toml")
    yield "environment", EnvSettingsSource(Settings)()
    yield ".env", DotEnvSettingsSource(Settings)()
    yield toml, TomlConfigSettingsSource(Settings, Path(toml))()
    yield "pyproject.toml", PyprojectTomlConfigSettingsSource(Settings)()


def _origin(name: str, sources: list[tuple[str, Mapping[str, object]]]) -> str:
    section, _, field = name.rpartition(".")
    for source, data in sources:
        inner = data.get(section) if section else data
        if isinstance(inner, Mapping) and field in cast("Mapping[str, object]", inner):
            return source
    usual = USUAL.get(name)
    for source, data in sources:
        if usual is not None and any(key.upper() == usual for key in data):
            return f"{source} ({usual})"
    if name in _FROM_STACK and local_stack(stack_folder()) is not None:
        return f"local stack ({stack_folder()})"
    return "default"
