"""Who is signed in: kept in memory, named by a cookie that scripts can't read. A restart signs everybody out."""

import hashlib
import hmac
import os
import stat
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Final

SESSION_SECONDS: Final = 12 * 3600
MOST: Final = 1_000
TRIES: Final = 10
"""Wrong keys within a minute, from all together: after them nobody is asked for a while."""
_MINUTE: Final = 60.0
_PRIVATE: Final = 0o600


@dataclass(slots=True)
class Session:
    """A browser. `csrf` must come back with each form; `said` is shown once on the next page."""

    name: str = field(default_factory=lambda: token_urlsafe(24))
    csrf: str = field(default_factory=lambda: token_hex(16))
    signed_in: bool = False
    until: float = field(default_factory=lambda: time.monotonic() + SESSION_SECONDS)
    said: tuple[str, bool] | None = None

    @property
    def short(self) -> str:
        """Names it in logs, without giving it away."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:8]


class Sessions:
    """All of them, and the secret that signs in."""

    def __init__(self, secret: str) -> None:
        """`secret` is the token of the settings, or the key of the file."""
        self._digest = _digest(secret)
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._wrong: list[float] = []

    def find(self, name: str | None) -> Session | None:
        """Find a session by its cookie."""
        found = self._sessions.get(name or "")
        if found is not None and found.until < time.monotonic():
            del self._sessions[found.name]
            return None
        return found

    def begin(self) -> Session:
        """Begin one that isn't signed in."""
        made = Session()
        self._keep(made)
        return made

    def sign_in(self, session: Session, secret: str) -> Session | None:
        """Sign in: a new session, as somebody may have planted the old one's cookie. None: the secret is wrong."""
        if not hmac.compare_digest(_digest(secret), self._digest):
            self._wrong.append(time.monotonic())
            return None
        self._sessions.pop(session.name, None)
        made = Session(signed_in=True)
        self._keep(made)
        return made

    def sign_out(self, session: Session) -> None:
        """Forget one."""
        self._sessions.pop(session.name, None)

    @property
    def too_many_tries(self) -> bool:
        """Whether so many wrong keys came lately that none is looked at."""
        now = time.monotonic()
        self._wrong = [at for at in self._wrong if now - at < _MINUTE][-TRIES:]
        return len(self._wrong) >= TRIES

    def _keep(self, session: Session) -> None:
        self._sessions[session.name] = session
        while len(self._sessions) > MOST:
            # Who only looks comes first: strangers without a key sign nobody out.
            first = next((each for each in self._sessions.values() if not each.signed_in), None)
            self._sessions.pop(first.name if first is not None else next(iter(self._sessions)))


def key_of(file: Path) -> str:
    """Return the key that a file holds; made anew where there is none that only its owner can read. Raises OSError."""
    try:
        about = file.stat()
        if stat.S_IMODE(about.st_mode) == _PRIVATE and about.st_uid == os.getuid():
            key = file.read_text("ascii").strip()
            if len(key) >= 16:  # noqa: PLR2004 - as of a token
                return key
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    key = token_urlsafe(24)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as opened:
        opened.write(f"{key}\n")
    return key


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
