"""Settings of the pages for people who look; `settings` is the page that they stand on."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr

from argosy.schemas.bounds import Positive, Seconds
from argosy.schemas.gateway_settings import hard_to_guess


class DashboardSettings(BaseModel):
    """The pages for people who look, `argosy dashboard`."""

    host: str = "127.0.0.1"
    """Where it listens; beyond loopback only with a token."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8090
    """0 = any free one, which is printed; so is another one where this default is taken."""
    token: Annotated[SecretStr, AfterValidator(hard_to_guess)] | None = None
    """What a person signs in with, to look and to act. Absent: who is on loopback looks, and acts with a file's key."""
    refresh_seconds: Seconds = 1.0
    """How often a page that is looked at is renewed."""
    watchers: Positive = 50
    """Pages that are renewed at once; what is more is answered 503, and is a page all the same."""
    connections: Positive = 200
    """At once; what is more is answered 503."""
    most_runs: Positive = 200_000
    """Runs in the list; the oldest that have ended go first."""
