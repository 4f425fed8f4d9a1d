"""The page of the bugs, `docs/bugs.md`: written from the table, `python -m bugs.page > ../docs/bugs.md` in `tests/`."""

# ruff: noqa: E501 - prose

from typing import Final

from bugs.bug import Bug
from bugs.layers import known
from bugs.measured import Seconds, measured
from bugs.table import BUGS

_HEAD: Final = """# Does the harness see?

`make bugs` plants each of these bugs into the real code, one at a time, and asks who is known to see it, in the order of cost: a test of
one unit or of the contract that twin and server share, a crash story, simulated runs under faults that a seed draws, a cell of the kill
matrix: a fleet of real processes on real Kafka and Valkey that all have the bug, one of which dies or stands still at a named point. It
tells how long each took. `make bugs BUGS="--first"` stops at the first that sees it, `BUGS="--json"` gives one JSON object a line, names of
bugs look for those alone. The exit code is 1 if a bug is seen by nobody, or no longer by somebody who is named here. `make test` looks
for each of them once, for one of them in the matrix, and fails if this page is not what table and times say.

The times are those that `make bugs BUGS="--keep"` wrote down last (`tests/bugs/measured.json`), on two virtual
cores with nothing else to do; a witness without a time was not timed in that run. A test's include its imports and fixtures; where a bug shows as a run that never ends, a cell waits for 90 s (for these times: 45 s), and
says so only if for 15 s more nothing but orders is appended: a fleet that is slow was not judged, and is tried again, three times at most.

A bug is an exchanged piece of text of a function or of a Lua script (`tests/bugs/`): nothing in the package knows of it. If that text
is no longer there, the plant fails and must be mended.

| bug | what is wrong | who sees it, after how many seconds |
|---|---|---|
"""

_TAIL: Final = """
## What a layer can't see, and why

- Seeds and `memo_overwrites`: it takes a worker that slept through its lease and stores its memo just between the moment that its
  successor hands the same task back and the next claim of it. No fault of a seed aims there.
- Seeds and `outbox_is_a_set`: two answers for one run are under way at once in about half of the seeds of the profile `slow`; that the second is
  then lost too, which is when it shows, did not happen in 27 seeds.
- Seeds and `no_epochs`: what is finished under an old assignment was settled, or found to be over, and that is true of its record for
  ever. Counting it for the new assignment too commits nothing too early; it is a second lock.
- The matrix sees what a death, a sleep or a loss at one of its points brings out. It has no blocked loop (`lease_for_a_dead_loop`: a
  process that is stopped renews nothing), no poison (`lost_lease_uncounted`), no signal before its wait, and maps of two. A sweep
  that takes claims and memos too (`rebuild_drops_claims`) shows only if a task is at work just then, which is chance. A stale fence
  (`stale_fence`, tried in three cells) shows as a second success and a second claim of a task, of which the first counts all the
  same. Where Redis has lost what it knew, effects may be made again, so grants that follow from a loss (`absence_grants`,
  `live_without_identity`) are no finding there. Whether an owner that slept with a commit in hand changes an end by it (`no_chain`), and whether a
  result is owed by a reload only (`result_moot`), is chance: two of six sleeps did, and seven of eleven deaths, on a busy machine rather than on
  an idle one. A handler that runs again as its result was not kept (`result_not_stored`) makes no effect again: its memos hold.
- A bug that needs no crash at all has no cell where its unit test or its story sees it sooner.
"""


def page() -> str:
    """Write the page."""
    times = measured()
    rows = (
        f"| `{bug.name}` | {bug.says} | {_seen(bug, times.get(bug.name, {}))} |\n" for bug in BUGS.values()
    )
    return _HEAD + "".join(rows) + _TAIL


def _seen(bug: Bug, seconds: Seconds) -> str:
    return ", ".join(
        f"{layer}: {_short(one)}" + (f" {seconds[layer]:.0f} s" if layer in seconds else "")
        for layer, one in known(bug).items()
    )


def _short(witness: str) -> str:
    return f"`{witness.rpartition('::')[2].rpartition('/')[2]}`"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
