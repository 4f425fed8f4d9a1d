"""All planted bugs, and who is known to see each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from bugs.bug import Bug
from bugs.in_again import AGAIN_BUGS
from bugs.in_asking import ASKING_BUGS
from bugs.in_core import CORE_BUGS
from bugs.in_lanes import LANE_BUGS
from bugs.in_limits import LIMIT_BUGS
from bugs.in_loops import LOOP_BUGS
from bugs.in_pages import PAGE_BUGS
from bugs.in_plans import PLAN_BUGS
from bugs.in_scripts import SCRIPT_BUGS
from bugs.in_tools import TOOL_BUGS
from bugs.in_workers import WORKER_BUGS
from bugs.witnesses import WITNESSES

_ALL: Final = (
    *CORE_BUGS,
    *SCRIPT_BUGS,
    *LANE_BUGS,
    *WORKER_BUGS,
    *TOOL_BUGS,
    *PAGE_BUGS,
    *AGAIN_BUGS,
    *LOOP_BUGS,
    *LIMIT_BUGS,
    *PLAN_BUGS,
    *ASKING_BUGS,
)
BUGS: Final[Mapping[str, Bug]] = {bug.name: replace(bug, seen=WITNESSES[bug.name]) for bug in _ALL}
