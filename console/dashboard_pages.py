"""Every page and every action of the dashboard: a new one is a line here."""

from typing import Final

from argosy.console.dashboard_fleet import FLEET
from argosy.console.dashboard_page import Action, Page

PAGES: Final[tuple[Page, ...]] = (FLEET,)
ACTIONS: Final[tuple[Action, ...]] = ()
