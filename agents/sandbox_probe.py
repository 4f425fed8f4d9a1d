"""Whether a sandbox works here: found by trying, as a container or a kernel's setting may forbid it."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import which
from typing import Final

from argosy.agents.sandbox_view import Bubblewrap, environment
from argosy.schemas.errors import SandboxMissing

_DO: Final = (
    "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap; Fedora: dnf install bubblewrap) and allow user"
    " namespaces; or set ARGOSY_SANDBOX__KIND=none: then code runs under limits only, with your files and your network"
)
_TRY_SECONDS: Final = 20.0
_TRY_BYTES: Final = 1_048_576
_found: dict[str, Bubblewrap] = {}


async def find_sandbox() -> Bubblewrap:
    """Give the bubblewrap of this machine once it has run something; SandboxMissing says what is wrong.

    A success is remembered, a failure isn't: who mends the machine needs no restart.
    """
    return await asyncio.to_thread(try_sandbox)


def try_sandbox() -> Bubblewrap:
    """Do the same, and block meanwhile."""
    program = which("bwrap")
    if program is None:
        why = "bubblewrap (bwrap) is not on the PATH" if sys.platform == "linux" else "bubblewrap is Linux's"
        raise SandboxMissing("code can't be run: there is no sandbox here", why, _DO)
    if program not in _found:
        _found[program] = _tried(program)
    return _found[program]


def _tried(program: str) -> Bubblewrap:
    _code, told = _said(program, "--help")
    sandbox = Bubblewrap(program, ends_namespaces="--disable-userns" in told)
    with tempfile.TemporaryDirectory() as folder:
        words = sandbox.words(Path(folder), "read", scratch_bytes=_TRY_BYTES)
        code, said = _said(*words, sys.executable, "-I", "-S", "-c", "pass")
    if code != 0:
        why = said.strip().rpartition("\n")[2] or f"{program} ended with {code}"
        raise SandboxMissing("code can't be run: bubblewrap doesn't work here", why, _DO)
    return sandbox


def _said(*words: str) -> tuple[int, str]:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment({}),
            timeout=_TRY_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 1, f"it did not answer within {_TRY_SECONDS:g} s"
    return done.returncode, done.stdout.decode("utf-8", errors="replace")
