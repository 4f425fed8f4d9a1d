"""`ce_time`: milliseconds since the epoch, as RFC 3339 on the wire."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from argosy.schemas.errors import BadMessage

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_BYTES: Final = 24


@lru_cache(maxsize=64)  # what is written together has few times
def rfc3339(time_ms: int) -> bytes:
    """Write a time as all of ours are written: UTC, with milliseconds."""
    seconds, milliseconds = divmod(time_ms, 1000)
    return b"%s.%03dZ" % (_whole_seconds(seconds), milliseconds)


@lru_cache(maxsize=16)
def _whole_seconds(seconds: int) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}".encode()


@lru_cache(maxsize=64)  # what is read together was mostly written together
def ours_ms(text: bytes) -> int:
    """Read a time that is written as ours are, in a fraction of the time; ValueError for any other."""
    if len(text) != _TIME_BYTES or text[19:20] != b"." or text[23:] != b"Z" or not text[20:23].isdigit():
        raise ValueError
    return _second(text[:19]) + int(text[20:23])


@lru_cache(maxsize=64)
def _second(text: bytes) -> int:
    """Return the epoch milliseconds of a second that is written as ours are."""
    seconds = datetime.strptime(text.decode("ascii"), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC) - _EPOCH
    return seconds // timedelta(milliseconds=1)


def epoch_ms(text: str | None) -> int | None:
    """Read any RFC 3339 time; None where there is none. Raises BadMessage."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(
            milliseconds=1
        )
    except (ValueError, OverflowError):
        message = f"is {text[:40]!r}, must be an RFC 3339 time"
        raise BadMessage(message, field="ce_time") from None
