"""A run in one file: safe whatever a run holds, without a network, and usable with thousands of tasks."""

import base64
import hashlib
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page, async_playwright

from argosy import Context, Hole, Pipeline, Reject, agent, all_ended
from argosy.broker.memory_payloads import MemoryPayloads
from argosy.console.run_history import History, Logged, take
from argosy.console.trace import trace_page
from argosy.console.trace_facts import trace_facts
from argosy.schemas.envelope import Envelope
from argosy.schemas.facts import ListFact
from argosy.schemas.payload import Inline, Reference
from argosy.schemas.runlog import LogMessage, RunEnded, SignalReceived
from argosy.testing import Fleet
from support.fold_pipelines import accepted, approval, mapped, pipeline, succeeded, task
from support.page_looks import ARGUMENTS, chromium
from support.told_pages import Told, done
from support.told_runs import payloads_of, told

EVIL = "</script><img src=http://127.0.0.1:9/x onerror=alert(1)><script>alert(2)</script>\u2028\u202e&amp; @data@"


@agent(retries=0)
async def half(ctx: Context, text: str) -> str:  # noqa: ARG001
    if text == "bad":
        raise Reject(f"no {EVIL}")
    return f"{text} 17 {EVIL}"


@agent
async def join(ctx: Context, parts: list[str | Hole]) -> str:  # noqa: ARG001
    return ", ".join(part for part in parts if isinstance(part, str))


holed = Pipeline("holed", takes=list[str], gives=str)
holed.returns(holed.step(join, holed.map(half, over=holed.input, max_parallel=3, join=all_ended())))


async def hostile_page() -> str:
    async with Fleet(holed) as fleet:
        run = await fleet.submit(holed, ["good", "bad", EVIL], run_id="evil")
        await fleet.settle()
        return trace_page("evil", await trace_facts(told(fleet, run), payloads_of(fleet)))


@asynccontextmanager
async def opened(folder: Path, page: str) -> AsyncGenerator[tuple[Page, list[str]]]:
    """Open a page in a browser; what it asks for beside itself, and what goes wrong in it, is listed."""
    (folder / "run.html").write_text(page, encoding="utf-8")
    wrong: list[str] = []
    program = chromium("the page of a trace in a browser")
    async with async_playwright() as player:
        browser = await player.chromium.launch(executable_path=program, args=ARGUMENTS)
        shown = await browser.new_page()
        shown.on("pageerror", lambda error: wrong.append(str(error)))
        shown.on("console", lambda message: wrong.append(message.text))
        shown.on("dialog", lambda dialog: wrong.append(dialog.message))
        shown.on(
            "request", lambda request: wrong.append(request.url) if "run.html" not in request.url else None
        )
        await shown.goto((folder / "run.html").as_uri())
        try:
            yield shown, wrong
        finally:
            await browser.close()


async def test_what_a_run_holds_is_no_markup_and_the_policy_allows_no_script_but_its_own() -> None:
    page = await hostile_page()
    data = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    assert len(data) == 1
    assert "<" not in data[0]
    assert "u202e" not in data[0]
    assert json.loads(data[0])["run"]["input"]["text"].count("</script>") == 2
    (script,) = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    for text in (script, style):
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert re.findall(r"(?:src|href)=|url\(|@import", style + script + page.replace(data[0], "")) == []


async def test_the_page_shows_waits_holes_values_and_causes_and_obeys_the_keyboard(tmp_path: Path) -> None:
    async with opened(tmp_path, await hostile_page()) as (page, wrong):
        assert await page.locator("#rows .row").count() == 5  # the map, its shards, the join
        await page.locator("#notes button", has_text="join").first.click()
        panel = page.locator("#panel")
        assert "missing: half.1 failed" in await panel.inner_text()
        assert EVIL.split("\u2028", maxsplit=1)[0] in await panel.inner_text()
        await page.keyboard.press("ArrowUp")
        await page.keyboard.press("Enter")
        assert (await panel.locator("h2").inner_text()).startswith("half.2")
        await page.keyboard.press("ArrowLeft")
        assert await page.locator("#rows .row").count() == 2
        await page.keyboard.press("/")
        await page.keyboard.type("half.1")
        assert "2 tasks of 4" in await page.locator("#told").inner_text()
        await page.keyboard.press("Escape")
        before = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        await page.locator("#theme").click()
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") != before
        await page.locator("#log summary").click()
        await page.locator("#log td", has_text="run.ended").first.wait_for()
        assert await page.locator("#graph svg g.box").count() == 2
        assert wrong == []


async def many_tasks(number: int) -> str:
    payloads = MemoryPayloads()
    items = [Inline(value=f"part {n}", bytes=9, tokens=2).model_dump() for n in range(number)]
    manifest = Reference(
        sha256=payloads.store(json.dumps(items).encode()), bytes=9, tokens=2, shape="manifest"
    )
    fact = ListFact(kind="list", length=number, most_tokens=2, manifest=manifest)
    first = accepted(pipeline(mapped("m", "input"), task("end", "m")), rules=2)
    made = Inline(value="all", bytes=5, tokens=1)
    messages: list[LogMessage] = [first.model_copy(update={"facts": {"list:": fact}})]
    messages += [succeeded(f"m.{n}").model_copy(update={"result": made}) for n in range(number)]
    messages += [succeeded("end").model_copy(update={"result": made})]
    messages += [RunEnded(outcome="succeeded", data_hash="", result=made)]
    history = History("r")
    for offset, message in enumerate(messages, start=1):
        envelope = Envelope(kind=message.KIND, id=f"{offset}", source="argosy/worker/w", subject="r", cause=1)
        take(history, Logged(0, offset, 1_000 * offset, envelope, message))
    return trace_page("r", await trace_facts(history, payloads))


async def test_five_thousand_tasks_are_folded_and_each_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path, await many_tasks(5_000)) as (page, wrong):
        assert await page.locator("#rows .row").count() == 2
        await page.locator("#rows .row").first.click()
        assert await page.locator("#rows .row").count() == 202
        await page.locator("#search").fill("m.4321")
        assert "1 task of 5001" in await page.locator("#told").inner_text()
        await page.locator("#rows .row").first.click()
        assert await page.locator("#panel h2").inner_text() == "m.4321"
        assert wrong == []


async def waiting_page() -> str:
    run = Told().add(
        accepted(pipeline(task("a", "input"), approval("ok", "a"), task("b", "ok")), rules=2), done("a")
    )
    run.add(SignalReceived(name="ok", signal_id="s"), seconds=7_200)
    run.add(done("b", ran_ms=900), RunEnded(outcome="succeeded", data_hash=""))
    return trace_page("r", await trace_facts(run.history, MemoryPayloads()))


async def test_a_long_wait_is_drawn_short_and_told(tmp_path: Path) -> None:
    async with opened(tmp_path, await waiting_page()) as (page, wrong):
        assert "nothing ran for 2.0 h: drawn short" in await page.locator(".legend").inner_text()
        last = page.locator("#rows .track").last
        whole = await last.bounding_box()
        ran = await last.locator(".bar:not(.queue)").bounding_box()
        gap = await last.locator(".gap").bounding_box()
        assert whole is not None
        assert ran is not None
        assert gap is not None
        assert ran["width"] > whole["width"] / 5
        assert ran["x"] > gap["x"] + gap["width"]
        assert "+" in await page.locator("#axis").inner_text()
        assert wrong == []
