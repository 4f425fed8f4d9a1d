"""The page of the bugs, `docs/bugs.md`: written from the table, `python -m bugs.page > ../docs/bugs.md` in `tests/`."""

# ruff: noqa: E501 - prose

from typing import Final

from bugs.layers import known
from bugs.table import BUGS

_HEAD: Final = """# Does the harness see?

`make bugs` plants each of these bugs into the real code, one at a time, and asks who is known to see it, in the order of cost: a test of
one unit or of the contract that twin and server share, a crash story, simulated runs under faults that a seed draws. It tells how long each
took. `make bugs BUGS="--first"` stops at the first that sees it, `BUGS="--json"` gives one JSON object a line, names of bugs
look for those alone. The exit code is 1 if a bug is seen by nobody, or no longer by somebody who is named here. `make test` looks
for each of them once, and fails if this page is not what the table says.

A bug is an exchanged piece of text of a function or of a Lua script (`tests/bugs/`): nothing in the package knows of it. If that text
is no longer there, the plant fails and must be mended.

| bug | what is wrong | who sees it |
|---|---|---|
"""


def page() -> str:
    """Write the page."""
    rows = (
        f"| `{bug.name}` | {bug.says} | {', '.join(f'{layer}: {_short(one)}' for layer, one in known(bug).items())} |\n"
        for bug in BUGS.values()
    )
    return _HEAD + "".join(rows)


def _short(witness: str) -> str:
    return f"`{witness.rpartition('::')[2].rpartition('/')[2]}`"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
