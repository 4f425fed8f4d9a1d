"""The built-in pipeline of the four built-in agents: `argosy worker argosy.agents.briefing`."""

from argosy.agents.critic import critic
from argosy.agents.document import Brief, Document
from argosy.agents.researcher import researcher
from argosy.agents.summariser import summariser
from argosy.agents.synthesiser import synthesiser
from argosy.pipelines.pipeline import Pipeline

briefing = Pipeline("briefing", version="1", takes=Document, gives=Brief)
_notes = briefing.step(researcher, briefing.input, name="research")
_summary = briefing.step(summariser, briefing.input, name="summarise")
_critique = briefing.step(critic, _summary, name="criticise")
briefing.returns(briefing.step(synthesiser, _notes, _summary, _critique, name="synthesise"))
