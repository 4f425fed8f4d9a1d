"""Whether a step of a compiled pipeline is fed what its agent takes, waits for steps only, carries no bulk along."""

from typing import Final

from argosy.schemas.canonical import canonical_json
from argosy.schemas.edges import INPUT, Constant
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import ABOUT, ApprovalStep, CompiledPipeline, MapStep, Step

CONSTANT_BYTES: Final = 16 * 1024
"""Of one constant, as JSON: it rides in the dispatch of every task of its step, and of a map there may be 10,000."""


def check_inputs(pipeline: CompiledPipeline, step: Step) -> None:
    """Raise a BuildError for the first input or edge of a step that is wrong."""
    _check_fed(pipeline, step)
    for after in step.after:
        if after.source == INPUT:
            raise waits_for_what_is_there(step.name, f"{INPUT!r} of {pipeline.name!r}")
    for given in step.inputs:
        if isinstance(given, Constant) and (size := len(canonical_json(given.value))) > CONSTANT_BYTES:
            raise _constant_too_large(pipeline, step, given.name, size)


def waits_for_what_is_there(step: str, what: str) -> BuildError:
    """Say that nothing has to be waited for."""
    return BuildError(
        what=f"step {step!r} waits for {what}",
        why="after= names steps; this is there from the start",
        do="name the refs of earlier steps",
    )


def _constant_too_large(pipeline: CompiledPipeline, step: Step, name: str, size: int) -> BuildError:
    return BuildError(
        what=f"step {step.name!r} of {pipeline.name!r} feeds a constant of {size} bytes to {name!r}",
        why=f"it travels with every task of the step, and with every submit; {CONSTANT_BYTES} bytes are the most",
        do="pass it in through the run's input, or have an agent load it: large values go by reference then",
    )


def _check_fed(pipeline: CompiledPipeline, step: Step) -> None:
    takes: tuple[str, ...] = (INPUT,)
    required = takes
    if step.agent is not None:
        contract = pipeline.agents[step.agent]
        takes, required = tuple(contract.inputs), contract.required_inputs()
    elif step.WAITS:
        takes = required = (ABOUT,) if isinstance(step, ApprovalStep) else ()
    given = [value.name for value in step.inputs]
    for name in given:
        if name not in takes:
            raise BuildError(
                what=f"step {step.name!r} of {pipeline.name!r} feeds {name!r}",
                why=f"{step.agent or ('it' if step.WAITS else 'a pipeline')} takes {', '.join(takes) or 'nothing'}",
                do="name one of its inputs, or leave it out",
            )
        if given.count(name) > 1:
            raise BuildError(
                what=f"step {step.name!r} of {pipeline.name!r} feeds {name!r} twice",
                why="an input has one value",
                do="leave one of them out",
            )
    for name in required:
        if name not in given:
            raise BuildError(
                what=f"step {step.name!r} of {pipeline.name!r} feeds nothing to {name!r}",
                why="the input has no default",
                do=f"give it a source: {{'name': {name!r}, 'from': ...}}",
            )
    if isinstance(step, MapStep) and step.over not in given:
        raise BuildError(
            what=f"map {step.name!r} of {pipeline.name!r} spreads {step.over!r}",
            why=f"its inputs are {', '.join(given)}",
            do="let `over` name one of them",
        )
