"""Every page and every action of the dashboard: a new one is a line here."""

from typing import Final

from argosy.console.dashboard_fleet import FLEET
from argosy.console.dashboard_page import Action, Page
from argosy.console.dashboard_run_pages import RUN_ACTIONS, RUN_PAGES

PAGES: Final[tuple[Page, ...]] = (FLEET, *RUN_PAGES)
ACTIONS: Final[tuple[Action, ...]] = (*RUN_ACTIONS,)
