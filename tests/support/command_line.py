"""Run the real command line as a user would, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from argosy.console.exits import UNREACHABLE
from support.forked_commands import forked_commands

_WITHIN_SECONDS: Final = 200


class Unanswered(AssertionError):
    """Kafka or Redis didn't answer a command in its time: on a busy machine it may the next one."""


@dataclass(frozen=True)
class CommandLine:
    """`argosy …` in `folder`; `variables` are added to the environment.

    A process of its own each time, forked from one that has imported everything; `fresh`: started as a shell would.
    """

    folder: Path
    variables: Mapping[str, str]
    fresh: bool = False

    def __call__(self, *arguments: str, expect: int = 0) -> "subprocess.CompletedProcess[str]":
        """Run a command that must end with this exit code. Raises AssertionError, Unanswered."""
        done = self.run(*arguments)
        if done.returncode != expect:
            failure = Unanswered if done.returncode == UNREACHABLE else AssertionError
            raise failure(f"{arguments}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command, however it ends."""
        variables = {**os.environ, **self.variables}
        if not self.fresh:
            return forked_commands().run(arguments, variables, self.folder, _WITHIN_SECONDS)
        return subprocess.run(
            [sys.executable, "-P", "-m", "argosy", *arguments],
            cwd=self.folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=_WITHIN_SECONDS,
            check=False,
        )
