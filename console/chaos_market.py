"""The MCP server over HTTP of a chaos run: it dies in the middle of calls, and comes back at the same place."""

import sys
from pathlib import Path

from argosy.console.child import ChildSpec
from argosy.console.model_child import model_ready
from argosy.console.ports import LOOPBACK, free_ports
from argosy.testing.chaos_shops import MARKET_URL


class ChaosMarket:
    """Where it answers, and how it is started."""

    def __init__(self) -> None:
        """Choose a port."""
        self.port = free_ports(1)[0]

    @property
    def environment(self) -> dict[str, str]:
        """What a worker needs to call it."""
        return {MARKET_URL: f"http://{LOOPBACK}:{self.port}/mcp"}

    def child(self, folder: Path) -> ChildSpec:
        """Describe the process; what it makes it notes in the ledger in the folder."""
        return ChildSpec(
            name="market",
            argv=(sys.executable, "-P", "-m", "argosy.testing.chaos_market", "--port", str(self.port)),
            log=folder / "logs" / "market.log",
            env={"PYTHONSAFEPATH": "1", "ARGOSY_CHAOS_EFFECTS": str(folder / "effects")},
            ready=model_ready(self.port),
        )
