"""Every page and every action of the dashboard: a new one is a line here."""

from typing import Final

from argosy.console.dashboard_agent import AGENT
from argosy.console.dashboard_dead import DEAD, LETTER, REDRIVE
from argosy.console.dashboard_fleet import FLEET
from argosy.console.dashboard_lanes import LANES
from argosy.console.dashboard_limits import LIMITS
from argosy.console.dashboard_page import Action, Page
from argosy.console.dashboard_run_pages import RUN_ACTIONS, RUN_PAGES

PAGES: Final[tuple[Page, ...]] = (FLEET, AGENT, LIMITS, LANES, DEAD, LETTER, *RUN_PAGES)
ACTIONS: Final[tuple[Action, ...]] = (REDRIVE, *RUN_ACTIONS)
