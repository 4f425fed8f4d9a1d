"""How one seed is run again, alone, with all that happens in it: the command to paste into a shell."""

import shlex
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from argosy.testing.world import World


def command_of(load: Callable[[World], object], profile: str, seed: int) -> str:
    """Write the command for this folder; where no other process can import the load, what to call instead."""
    module = sys.modules.get(getattr(load, "__module__", ""))
    name = getattr(load, "__qualname__", "")
    if module is None or module.__name__ == "__main__" or getattr(module, name, None) is not load:
        return f"explore(load, [Seed({profile!r}, {seed})])"
    options = ["--seeds", "1", "--first", str(seed), "--profile", profile, "--story"]
    words = [*_path(module), "python", "-m", "argosy.testing", f"{module.__name__}:{name}", *options]
    return " ".join(words)


def _path(module: ModuleType) -> list[str]:
    """Say where Python has to look for the module, unless it does so anyway."""
    if module.__file__ is None:
        return []
    file = Path(module.__file__)
    depth = module.__name__.count(".") + (file.name == "__init__.py")
    root, here = file.parents[depth].resolve(), Path.cwd()
    installed = root in {
        Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib", "stdlib")
    }
    if installed or (root == here and not sys.flags.safe_path):
        return []
    told = root.relative_to(here) if root.is_relative_to(here) else root
    return [f"PYTHONPATH={shlex.quote(str(told))}"]
