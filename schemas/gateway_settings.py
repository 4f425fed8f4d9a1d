"""Settings of the HTTP door; `settings` is the page that they stand on."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from argosy.schemas.bounds import Positive, Seconds

TOKEN_CHARACTERS = 16


def hard_to_guess(token: SecretStr) -> SecretStr:
    """Refuse a token that could be tried out."""
    if len(token) < TOKEN_CHARACTERS:
        message = f"must have {TOKEN_CHARACTERS} characters or more: who guesses it may submit runs and read results"
        raise ValueError(message)
    return token


class GatewaySettings(BaseModel):
    """The HTTP door, `argosy gateway`."""

    host: str = "127.0.0.1"
    """Where it listens; beyond loopback only with a token."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    """0 = any free one, which is printed."""
    token: Annotated[SecretStr, AfterValidator(hard_to_guess)] | None = None
    """What callers send as `Authorization: Bearer …`."""
    max_body_bytes: Positive = 8 * 1024 * 1024
    body_seconds: Seconds = 30.0
    """How long a caller may take to send its body."""
    connections: Positive = 1_000
    """At once, and requests too; what is more is answered 503."""
    waits: Positive = 500
    """Long polls at once."""
    watchers: Positive = 200
    """Event streams at once: one reader of the topic serves them all, each buffers 1 MiB at most."""
    wait_most_seconds: Seconds = 60.0
    """A long poll that asks for longer is answered after this."""
    drain_seconds: Positive = 10
    """How long SIGTERM waits for requests under way."""
