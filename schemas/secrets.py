"""What of the settings and of the environment is secret: told to `redact`, which masks it wherever it stands."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr

from argosy.schemas.redact import is_secret_key

_NAMES: Final = ("token", "secret", "password", "passwd", "api_key", "apikey", "credentials")
ENVIRONMENT_CHARACTERS: Final = 12
"""A shorter value of the environment may be a word: it would be masked in every sentence."""


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """Yield every secret value: of a URL its password, of `key=value,…` the values."""
    for value in dict(settings).values():
        yield from _within(value)


def _within(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield from _parts(value.get_secret_value())
        case BaseModel():
            yield from secrets_of(value)
        case Mapping():
            for each in cast("Mapping[object, object]", value).values():
                yield from _within(each)
        case _:
            pass


def _parts(text: str) -> Iterator[str]:
    if "://" in text:
        with suppress(ValueError):  # no URL: who uses it says so
            password = urlsplit(text).password or ""
            yield from {password, unquote(password)} - {""}
        return
    if "=" in text and not text.endswith("="):
        for pair in text.split(","):
            value = pair.partition("=")[2].strip()
            yield from {value, unquote(value)}
        return
    yield text


def secrets_in(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield the values of variables that are named like a secret, and are no mere word."""
    for name, value in environment.items():
        low = name.lower()
        named = is_secret_key(name) or low.endswith(_NAMES)
        if named and len(value) >= ENVIRONMENT_CHARACTERS and not value.isalpha() and not _is_a_place(value):
            yield value


def _is_a_place(value: str) -> bool:
    """Say whether it is a path or a URL, where a secret lies; one in base64 may have slashes too."""
    return value.startswith(("/", "./", "../", "~")) or "://" in value
