"""The figures of one agent in one worker, as metrics have them."""

import pytest

from argosy.agents.upkeep import tell_figures
from argosy.pipelines.agent import agent
from argosy.pipelines.context import Context
from argosy.telemetry import metrics
from support.worker_bench import eventually, input_of, memory_bench


async def test_what_waits_and_what_runs_is_told_in_messages_seconds_and_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench, _, _ = memory_bench()
    await bench.create("work")
    await bench.live()
    await bench.run("run-1", a="r 1", b="r 1", c="r 1")
    stop: list[str] = []

    @agent(name="work", concurrency=1)
    async def work(ctx: Context, text: str) -> str:
        async def told() -> bool:
            return bool(stop)

        await eventually(told, bool)
        return f"{ctx.task_id} {text}"

    seen: dict[str, tuple[int, int | None]] = {}
    ages: list[float] = []

    def lag_seen(agent: str, state: metrics.LagState, *, messages: int, tokens: int | None = None) -> None:
        seen[f"{agent} {state}"] = (messages, tokens)

    def lag_age_seen(agent: str, seconds: float) -> None:
        assert agent == "work"
        ages.append(seconds)

    monkeypatch.setattr(metrics, "lag_seen", lag_seen)
    monkeypatch.setattr(metrics, "lag_age_seen", lag_age_seen)
    for name in ("a", "b", "c"):
        await bench.order(work, f"run-1/{name}", input_of("text", name))
    async with bench.worker(work) as running:

        async def one_runs() -> bool:
            return any(desk.running == 1 and len(desk.intake) == 2 for desk in running.worker.desks)

        await eventually(one_runs, bool)
        (desk,) = running.worker.desks
        await tell_figures("work", desk)
        assert seen == {"work in_flight": (1, 1), "work parked": (0, 0), "work waiting": (2, 2)}
        stop.append("go on")
        await bench.until_settled(3)

        async def all_done() -> bool:
            return desk.running == 0

        await eventually(all_done, bool)
        await tell_figures("work", desk)
        assert seen["work waiting"] == (0, 0)
        assert ages[-1] == 0.0
