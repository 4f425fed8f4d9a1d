"""Keep secrets out of what telemetry tells: `argosy.schemas.redact`, which faults and dead letters use too."""

from argosy.schemas.redact import (
    MASK,
    is_secret_key,
    know,
    may_hold_secret,
    redact,
    redact_beginning,
    redact_fields,
    redact_text,
    written,
)

__all__ = [
    "MASK",
    "is_secret_key",
    "know",
    "may_hold_secret",
    "redact",
    "redact_beginning",
    "redact_fields",
    "redact_text",
    "written",
]
