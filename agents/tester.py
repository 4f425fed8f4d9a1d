"""The built-in test runner: the tests of a commit, in the sandbox, once per tree."""

import re
from typing import Final

from argosy.agents.team_work import Work
from argosy.agents.workshop import tested
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context

_TIME: Final = re.compile(r"\b\d+\.\d+ ?s\b")


def _last_line(output: str) -> str:
    return output.rstrip().rpartition("\n")[2]


@agent(name="tester", timeout_seconds=900, concurrency=2)
async def tester(ctx: Context, work: Work) -> Work:
    """Run them, unless a run of this very tree is known."""
    step = f"tests of {work.commit.tree}"
    passed, output, isolation = await ctx.step(step, tested, work.assignment, work.commit)
    await ctx.progress(f"tests {'pass' if passed else 'fail'}: {_last_line(output)}")
    ctx.log.info("tested", passed=passed, tree=work.commit.tree, isolation=isolation)
    return Work.model_validate(
        {
            **work.model_dump(),
            "passed": passed,
            "output": _TIME.sub("… s", output),  # how long it took is no part of what a model is asked
            "isolation": isolation,
            "done": passed and work.approved,
        }
    )
