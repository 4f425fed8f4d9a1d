"""Where a command's settings come from: the settings page, and the local stack that runs in this folder."""

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import SettingsError

from argosy.console.options import options
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.local_stack import STACK_VARIABLE
from argosy.schemas.settings import CONFIG_VARIABLE, Settings


def load_settings(folder: Path | None = None) -> Settings:
    """Read the settings; raises ConfigurationError that names the setting.

    Where nothing says where Kafka or Redis are, those of the local stack are meant, if one runs: the one in
    `folder`, else the one of this folder. So `argosy up`, then any other command, need nothing in between.
    """
    if (config := options().config) is not None:
        if not config.is_file():
            raise ConfigurationError(f"there is no file {config}", "--config names it", "check the path")
        os.environ[CONFIG_VARIABLE] = str(config)
    if folder is not None:
        os.environ[STACK_VARIABLE] = str(folder)
    try:
        return Settings()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        what = f"{_unreadable()} can't be read"
        raise ConfigurationError(
            what, str(error), "write it anew, as TOML in UTF-8 (.env: NAME=value)"
        ) from None
    except (ValidationError, SettingsError) as error:
        do = "mend it where it is set: the environment, .env, argosy.toml or pyproject.toml; docs/settings.md has all"
        raise ConfigurationError("a setting can't be used", _reason(error), do) from None


def environment_of(settings: Settings) -> dict[str, str]:
    """Give the variables that make a child process meet the same Kafka, Redis and payloads.

    For what a supervisor starts: an environment is private to its user, a command line is not.
    """
    found = {
        "ARGOSY_KAFKA__BOOTSTRAP_SERVERS": settings.kafka.bootstrap_servers,
        "ARGOSY_REDIS__URL": settings.redis.url.get_secret_value(),
        "ARGOSY_PAYLOADS": settings.payloads,
    }
    return {name: value for name, value in found.items() if value}


def _unreadable() -> str:
    """Name the file of settings that is no text, or no TOML: the error doesn't."""
    for name in (os.environ.get(CONFIG_VARIABLE, "argosy.toml"), "pyproject.toml", ".env"):
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            if path.suffix == ".toml":
                tomllib.loads(text)
        except ValueError:
            return name
    return "a file of settings"


def _reason(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):
        return str(error)
    return "; ".join(
        _named(each["loc"]) + each["msg"].removeprefix("Value error, ") for each in error.errors()
    )


def _named(place: Sequence[int | str]) -> str:
    """Name a setting as a file has it, and as the environment has it."""
    parts = [str(part) for part in place]
    if not parts or parts[0].isupper():  # one of the names that others have made usual
        return ": ".join((*parts, ""))
    return f"{'.'.join(parts)} (ARGOSY_{'__'.join(parts).upper()}): "
