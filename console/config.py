"""Where a command's settings come from: the settings page, and the local stack that runs in this folder."""

import os
from pathlib import Path

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError

from argosy.console.options import options
from argosy.console.stack_state import DEFAULT_FOLDER, read_state
from argosy.schemas.errors import ConfigurationError
from argosy.schemas.settings import CONFIG_VARIABLE, Settings


def load_settings(folder: Path = DEFAULT_FOLDER) -> Settings:
    """Read the settings; raises ConfigurationError that names the setting.

    Where nothing says where Kafka or Redis are, those of the local stack in `folder` are meant, if it runs. So
    `argosy up`, then any other command, need nothing in between.
    """
    if (config := options().config) is not None:
        if not config.is_file():
            raise ConfigurationError(f"there is no file {config}", "--config names it", "check the path")
        os.environ[CONFIG_VARIABLE] = str(config)
    try:
        settings = Settings()
    except (ValidationError, SettingsError) as error:
        raise ConfigurationError("a setting can't be used", _reason(error), "see docs/settings.md") from None
    state = read_state(folder)
    if state is None or not (state.is_running() and state.ready):
        return settings
    if "bootstrap_servers" not in settings.kafka.model_fields_set:
        settings.kafka = settings.kafka.model_copy(update={"bootstrap_servers": state.bootstrap_servers})
    if "url" not in settings.redis.model_fields_set:
        settings.redis = settings.redis.model_copy(update={"url": SecretStr(state.redis_url)})
    return settings


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


def _reason(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):
        return str(error)
    lines = [f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}" for each in error.errors()]
    return "; ".join(lines)
