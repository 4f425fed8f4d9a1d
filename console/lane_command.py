"""`argosy lane list|rebuild`: who owns each lane and how far it is; have one made again from the log."""

import asyncio
from typing import Annotated

import typer

from argosy.broker.keys import LaneKeys
from argosy.console.config import load_settings
from argosy.console.interruption import if_interrupted
from argosy.console.lane_lines import LaneLine, lane_lines
from argosy.console.output import confirm, show, show_table
from argosy.console.process_life import open_services
from argosy.coordinator.rebuild import rebuild
from argosy.schemas.errors import ConfigurationError, NotFound
from argosy.schemas.settings import Settings

lane = typer.Typer(help="Lanes: who owns them, how far they are; rebuild one.", no_args_is_help=True)

COLUMNS = ("LANE", "OWNER", "SAYS", "NEXT", "LOG END", "LAYOUT", "SET ASIDE")


@lane.command("list")
def list_lanes() -> None:
    """List the lanes: owner, state, the offset to read on at, and runs that were set aside."""
    lines = asyncio.run(_lines(load_settings()))
    cells = [
        (
            line.lane,
            line.owner or "nobody",
            line.says,
            "" if line.next is None else line.next,
            line.log_end,
            "" if line.layout is None else line.layout,
            line.set_aside,
        )
        for line in lines
    ]
    show_table(COLUMNS, cells, {"lanes": lines})


@lane.command("rebuild")
def rebuild_lane(number: Annotated[int, typer.Argument(min=0, help="The lane's number.")]) -> None:
    """Have a lane's state dropped and made again from the run log, at any time; claims and memos are spared.

    Its owner does it within a heartbeat. For runs that were set aside, once a release that mends them runs.
    """
    settings = load_settings()
    if number >= settings.fleet.lanes:
        raise NotFound(
            f"no lane {number}", f"there are {settings.fleet.lanes}, counted from 0", "argosy lane list"
        )
    if not confirm(f"rebuild lane {number} from the run log?"):
        raise ConfigurationError("nothing was done", "nobody said yes", "--yes answers for you")
    if_interrupted(f"lane {number} may be rebuilding: argosy lane list; it is safe to repeat")
    there = asyncio.run(_rebuild(settings, number))
    text = "is being rebuilt" if there else "has no state: its next owner builds it anyway"
    show({"lane": number, "rebuilding": there}, f"lane {number} {text}")


async def _rebuild(settings: Settings, number: int) -> bool:
    async with open_services(settings, "lane") as services:
        return await rebuild(services.store, LaneKeys(settings.redis.key_prefix, number))


async def _lines(settings: Settings) -> list[LaneLine]:
    async with open_services(settings, "lane") as services:
        return await lane_lines(services)
