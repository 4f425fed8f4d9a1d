"""How long random tests search: quickly and always the same in `make test`, long and always anew on demand.

`HYPOTHESIS_PROFILE=long` makes them try fifty times as much, with a new seed each time, and shrink what they find to
its shortest form; a failure prints how to have it again.
"""

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

LONG: Final = os.environ.get("HYPOTHESIS_PROFILE") == "long"
TIMEOUT_SECONDS: Final = 36_000 if LONG else 300
_TIMES: Final = 50


def effort(examples: int, *, steps: int = 50) -> settings:
    """So many examples (of so many steps, if they are rules of a machine)."""
    return settings(
        max_examples=examples * (_TIMES if LONG else 1),
        stateful_step_count=steps,
        deadline=None,
        derandomize=not LONG,
        database=None,
        print_blob=LONG,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink) if LONG else (Phase.generate,),
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.filter_too_much,
        ],
    )
