"""`Models`: where the `ctx.model` of each attempt comes from. What calls need is loaded with the first of them.

Most agents never make one, and a worker starts sooner without.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final

from argosy.agents.guard import Guard
from argosy.agents.model_client import ModelClient
from argosy.pipelines.context import Model
from argosy.schemas.chat import Usage
from argosy.schemas.settings import ModelSettings

if TYPE_CHECKING:
    from argosy.agents.admission import Admissions
    from argosy.agents.conversation import Step
    from argosy.agents.tool_calls import Calls

DEFAULT_PROVIDER: Final = "openai"


@dataclass(frozen=True, slots=True)
class Models:
    """Gives each attempt its `ctx.model`. One per process."""

    client: ModelClient
    settings: ModelSettings

    def load(self) -> None:
        """Load what calls need, where some are sure to come: the first would hold up all that runs beside it."""
        import_module("argosy.agents.model")

    def for_task(  # noqa: PLR0913 (all that one attempt differs in)
        self,
        *,
        agent: str,
        model: str | None,
        guard: Guard,
        spent: Callable[[Usage], None],
        step: "Step",
        tools: "Calls",
        admissions: "Admissions | None" = None,
    ) -> Model:
        """Make the model of one attempt; `model` is its contract's, `spent` hears the usage of every call.

        `admissions` let calls of models that have limits in; None: there are none.
        """
        from argosy.agents.model import TaskModel  # noqa: PLC0415 - see above
        from argosy.agents.model_call import TaskTerms  # noqa: PLC0415

        provider, _colon, name = (self.settings.replace_with or model or "").rpartition(":")
        terms = TaskTerms(
            agent, provider or DEFAULT_PROVIDER, name, guard, spent, admissions, prices=self.settings.prices
        )
        return TaskModel(self.client, terms, step, tools, self.settings)
