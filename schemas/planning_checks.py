"""Whether a step of a compiled pipeline that lets an agent plan names its agents, within bounds."""

from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import MOST_PARALLEL, MOST_TASKS, CompiledPipeline, PlanStep, Step


def check_planning(step: Step, pipeline: CompiledPipeline) -> None:
    """Raise a BuildError for the first thing that is wrong with a plan step; any other step is right."""
    if not isinstance(step, PlanStep):
        return
    unknown = [name for name in step.agents if name not in pipeline.agents]
    if unknown or not step.agents:
        raise BuildError(
            what=f"plan {step.name!r} of {pipeline.name!r} may use {', '.join(unknown) or 'no agent'}",
            why=f"the pipeline pins the contracts of {', '.join(pipeline.agents)} only",
            do="name agents of the pipeline, at least one",
        )
    if step.agent in step.agents:
        raise plans_again(step.name, step.agent or "")
    if step.max_tasks > MOST_TASKS:
        raise not_between(step.name, "max_tasks", step.max_tasks, MOST_TASKS)
    if step.max_parallel > MOST_PARALLEL:
        raise not_between(step.name, "max_parallel", step.max_parallel, MOST_PARALLEL)


def plans_again(step: str, planner: str) -> BuildError:
    """Say that a planner can't plan under its own plan."""
    return BuildError(
        what=f"plan {step!r} lets {planner} plan again",
        why="plans inside of plans can't be run: depth 1 is the most",
        do="leave the planner out of agents=, and max_depth at 1; plan again in a later step, or in a loop",
    )


def not_between(step: str, option: str, value: object, most: int) -> BuildError:
    """Say that a number is out of bounds."""
    return BuildError(
        what=f"plan {step!r} has {option}={value!r}",
        why=f"a whole number, 1 to {most}",
        do="give one in these bounds",
    )
