"""The command line and the local stack: puts all other rooms together.

A flat room, as all are; modules of one matter share a first word. `gateway_*`: submits over HTTP. `why_*`: facts from
Kafka and Redis, then pure rules. `dev_*`, `demo_*`, `chaos_*`: fleets that a command starts. `kafka_*`, `valkey_*`,
`stack*`, `java`, `supervise`, `child`: the local servers and their processes. `run_*`, `runs`, `live`: runs as people
see them. `*_checks`, `doctor`, `health`: what is wrong. `*_command`, and what `commands` names: a command.
"""

import gc


def main() -> None:
    """Run the command line (console script, `python -m argosy`); ends the process with its exit code."""
    # What is imported makes a hundred thousand objects and no garbage: to look for some took a tenth of a start. Who
    # serves sets it anew.
    gc.set_threshold(200_000, 20, 100)
    from argosy.console.main import run  # noqa: PLC0415  # importing the room must not cost a command line

    run()
