"""Every command by name: where its function lies, and its line in `argosy --help`.

A new command is one line here. The target is a function, or a `typer.Typer` for a group of commands; it is
imported only when that command is called, so `--help` and every other command stay fast.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Command:
    """A command of the table: `target` is `module:attribute`."""

    target: str
    summary: str
    panel: str


STACK: Final = "Local stack"
FLEET: Final = "Fleet"
RUNS: Final = "Runs"
LOOK: Final = "Settings and checks"

COMMANDS: Final[dict[str, Command]] = {
    "up": Command("argosy.console.up:up", "Start real Kafka and Valkey here, and leave them running.", STACK),
    "down": Command("argosy.console.down:down", "Stop the local stack; its data stays.", STACK),
    "status": Command("argosy.console.status:status", "Show what the local stack runs, and where.", STACK),
    "demo": Command(
        "argosy.console.demo:demo", "Show the briefing pipeline end to end, on real parts.", STACK
    ),
    "dev": Command("argosy.console.dev:dev", "Run an app with everything it needs, until Ctrl-C.", STACK),
    "chaos": Command(
        "argosy.console.chaos:chaos", "Hurt a fleet of its own under load, and judge what it did.", STACK
    ),
    "local-model": Command(
        "argosy.console.local_model:local_model", "Serve a small language model, for demos and tests.", STACK
    ),
    "coordinator": Command("argosy.console.serve:coordinator", "Run a coordinator.", FLEET),
    "worker": Command("argosy.console.serve:worker", "Run the agents of an app.", FLEET),
    "gateway": Command("argosy.console.gateway:gateway", "Take submits over HTTP.", FLEET),
    "dashboard": Command(
        "argosy.console.dashboard:dashboard", "Show the fleet and its runs in a browser, as they go.", FLEET
    ),
    "lag": Command("argosy.console.lag:lag", "Show who is behind, by how much, for how long.", FLEET),
    "top": Command(
        "argosy.console.top:top", "Show the fleet at a glance, on a page that renews itself.", FLEET
    ),
    "limits": Command(
        "argosy.console.limits:limits", "Show the limits of models: how full, and who waits.", FLEET
    ),
    "agents": Command(
        "argosy.console.agents_command:agents", "Show agents: contracts, and who works.", FLEET
    ),
    "lane": Command("argosy.console.lane_command:lane", "List lanes, rebuild one from the run log.", FLEET),
    "topics": Command(
        "argosy.console.topics_command:topics", "Show what topics are needed; make them.", FLEET
    ),
    "dead": Command("argosy.console.dead_command:dead", "List dead letters, show one, put them back.", FLEET),
    "publish": Command("argosy.console.publish:publish", "Publish an app's pipelines by name.", FLEET),
    "pipelines": Command(
        "argosy.console.pipelines_command:pipelines", "List pipelines, draw one as a tree.", FLEET
    ),
    "schedules": Command(
        "argosy.console.schedules:schedules", "List what runs by the clock, pause it.", FLEET
    ),
    "health": Command(
        "argosy.console.health:health", "Say in one line whether all is well: for probes.", FLEET
    ),
    "run": Command("argosy.console.submit:run", "Submit a run, wait, print its result.", RUNS),
    "runs": Command("argosy.console.runs:runs", "List runs, show one, cancel one.", RUNS),
    "history": Command(
        "argosy.console.history_command:history",
        "Tell all that happened to a run, by cause and effect.",
        RUNS,
    ),
    "blame": Command(
        "argosy.console.blame_command:blame", "Find which agent made, or lost, a text or a value.", RUNS
    ),
    "diff": Command("argosy.console.diff_command:diff", "Find where two runs part.", RUNS),
    "trace": Command(
        "argosy.console.trace:trace", "Write a run into one HTML file, to be looked at offline.", RUNS
    ),
    "why": Command("argosy.console.why:why", "Say why a run isn't going on: the true cause.", RUNS),
    "asyncapi": Command(
        "argosy.console.asyncapi:asyncapi", "Print topics and messages as an AsyncAPI document.", LOOK
    ),
    "config": Command(
        "argosy.console.config_command:config", "Show the settings, and where each came from.", LOOK
    ),
    "monitoring": Command(
        "argosy.console.monitoring_command:monitoring",
        "Dashboards, rules and targets for Grafana and Prometheus.",
        LOOK,
    ),
    "plan-capacity": Command(
        "argosy.console.plan_capacity:plan_capacity",
        "Reckon what a load needs, and what limits it first.",
        LOOK,
    ),
    "schemas": Command("argosy.console.schemas_command:schemas", "Export or check the JSON Schemas.", LOOK),
    "doctor": Command(
        "argosy.console.doctor:doctor", "Check this machine and the services; say the cures.", LOOK
    ),
    "version": Command("argosy.console.version:version", "Show the versions of argosy and its parts.", LOOK),
}
