"""Our program's name, as the next shell finds it: a virtual environment's is on no path."""

import os
import sys
from pathlib import Path
from shutil import which


def as_called() -> str:
    """Return what to type for `argosy`."""
    if which("argosy"):
        return "argosy"
    if Path(sys.argv[0]).name == "__main__.py":
        return f"{os.path.relpath(sys.executable)} -m argosy"
    return os.path.relpath(sys.argv[0])
