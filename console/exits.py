"""Exit codes: 0 fine, 1 a run failed or a check found something, 2 usage, and the table below."""

from typing import Final

from argosy.schemas.errors import (
    ArgosyError,
    BuildError,
    ChildFailed,
    ClientBroken,
    ConfigurationError,
    NotFound,
    Refused,
    ResultTimeout,
    Unreachable,
)

FAILED: Final = 1
USAGE: Final = 2
CONFIGURATION: Final = 3
UNREACHABLE: Final = 4
NOT_FOUND: Final = 5
BROKEN: Final = (
    70  # EX_SOFTWARE, as a worker that ends itself (`agents.exit`, which is too much to import here)
)
INCOMPLETE: Final = 6
"""Less was shown than was to be."""
TIMED_OUT: Final = 124  # as timeout(1) does
INTERRUPTED: Final = 130  # 128 + SIGINT, as shells do
READER_GONE: Final = 141  # 128 + SIGPIPE, as a shell tells of `git log | head`
TERMINATED: Final = 143  # 128 + SIGTERM

_CODES: Final[tuple[tuple[type[ArgosyError], int], ...]] = (
    (BuildError, CONFIGURATION),
    (ConfigurationError, CONFIGURATION),
    (Refused, CONFIGURATION),  # a right or a password
    (Unreachable, UNREACHABLE),
    (ChildFailed, UNREACHABLE),
    (NotFound, NOT_FOUND),
    (ResultTimeout, TIMED_OUT),
    (ClientBroken, BROKEN),
)


def exit_code_of(error: ArgosyError) -> int:
    """Return the exit code that tells a script what kind of error this is."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)
