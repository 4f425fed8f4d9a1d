"""Whether the contracts of a compiled pipeline can be kept: one for each name, within bounds, with room for input."""

from argosy.schemas.contract import MOST_RETRIES, Contract
from argosy.schemas.errors import BuildError
from argosy.schemas.pipeline import CompiledPipeline


def check_agents(pipeline: CompiledPipeline) -> None:
    """Raise a BuildError for the first contract that can't be kept, also of the pipelines inside."""
    pinned = dict(pipeline.agents)
    for inner in pipeline.whole():
        for name, contract in inner.agents.items():
            if contract.retries > MOST_RETRIES:
                raise too_many_retries(name, contract.retries)
            check_room(name, contract)
            if pinned.setdefault(name, contract) != contract:
                raise two_agents_named(name, pipeline.name)
            if contract.merge is not None and contract.merge not in inner.agents:
                raise BuildError(
                    what=f"agent {name!r} of {inner.name!r} has merge={contract.merge!r}",
                    why=f"the pipeline pins the contracts of {', '.join(inner.agents)} only",
                    do=f"add {contract.merge!r} to agents",
                )


def two_agents_named(name: str, pipeline: str) -> BuildError:
    """Say that an agent's name is taken."""
    return BuildError(
        what=f"two agents named {name!r} in {pipeline!r}",
        why="an agent's name is its topic and its consumer group",
        do="pass name='...' to one of them",
    )


def too_many_retries(agent: str, retries: int) -> BuildError:
    """Say that an agent would be tried too often."""
    return BuildError(
        what=f"agent {agent!r} has retries={retries}",
        why=f"a task is tried {MOST_RETRIES} times more at most; what fails so often fails again",
        do="give fewer, and a longer backoff_seconds for what takes its time to come back",
    )


def check_room(agent: str, contract: Contract) -> None:
    """Raise a BuildError for an agent whose reserve leaves nothing of its window for input."""
    if contract.window is None:
        return  # the model's window is known to the receiver
    if contract.reserve * 1000 >= contract.window * contract.threshold_per_mille:
        raise BuildError(
            what=f"agent {agent!r} has no room for input",
            why=f"reserve {contract.reserve} >= window {contract.window} x threshold {contract.threshold}",
            do="lower reserve, or use a model with a larger window",
        )
