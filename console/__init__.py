"""The command line and the local stack: puts all other rooms together."""


def main() -> None:
    """Run the command line (console script, `python -m argosy`); ends the process with its exit code."""
    from argosy.console.main import run  # noqa: PLC0415  # importing the room must not cost a command line

    run()
