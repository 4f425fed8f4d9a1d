"""The supervisor, with real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from argosy.console.child import Child, ChildSpec, ChildState, Restart
from argosy.console.process import ProcessId
from argosy.console.supervise import Supervisor
from argosy.schemas.errors import ChildFailed

FOREVER = "import signal; signal.pause()"
FAILING = "print('no disk'); raise SystemExit(3)"


def python(name: str, code: str, log: Path) -> ChildSpec:
    return ChildSpec(name, (sys.executable, "-c", code), log / f"{name}.log")


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    async with Supervisor() as running:
        yield running


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  # other processes set no event here
        await asyncio.sleep(0.01)


async def gone(process: ProcessId) -> None:
    await asyncio.wait_for(until(lambda: not process.is_running()), 60)


async def test_a_killed_child_is_started_again(supervisor: Supervisor, tmp_path: Path) -> None:
    child = await supervisor.start(python("a", FOREVER, tmp_path))
    first = child.process
    await supervisor.kill("a")
    await supervisor.until_ready("a")
    assert child.process is not None
    assert child.process != first
    assert child.restarts == 1
    assert child.problem == ""


async def test_a_child_is_ready_when_its_check_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    async def ready() -> bool:
        return flag.exists()

    code = f"open({str(flag)!r}, 'w').close(); {FOREVER}"
    child = await supervisor.start(replace(python("a", code, tmp_path), ready=ready))
    assert flag.exists()
    assert child.state is ChildState.READY


async def test_a_first_start_that_fails_is_an_error_with_the_end_of_the_log(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    with pytest.raises(ChildFailed, match="exit code 3") as failure:
        await supervisor.start(replace(python("a", FAILING, tmp_path), ready=never))
    assert "no disk" in failure.value.why
    assert not supervisor.children


async def test_a_child_that_is_not_ready_in_time_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="not ready after"):
        await supervisor.start(replace(python("a", FOREVER, tmp_path), ready=never, ready_within_seconds=0.1))


async def test_a_program_that_is_not_there_is_an_error(supervisor: Supervisor, tmp_path: Path) -> None:
    spec = ChildSpec("a", (str(tmp_path / "nothing"),), tmp_path / "a.log", ready=never)
    with pytest.raises(ChildFailed, match="No such file"):
        await supervisor.start(spec)


async def test_a_held_child_stays_down_until_it_is_resumed(supervisor: Supervisor, tmp_path: Path) -> None:
    child = await supervisor.start(python("a", FOREVER, tmp_path))
    await supervisor.hold("a")
    assert child.state is ChildState.HELD
    assert child.process is None
    await supervisor.resume("a")
    assert child.process is not None


async def test_a_restart_gives_the_child_its_stop_signal(supervisor: Supervisor, tmp_path: Path) -> None:
    code = (
        "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print(1, flush=True); signal.pause()"
    )

    async def ready() -> bool:
        return "1" in (tmp_path / "a.log").read_text()

    child = await supervisor.start(replace(python("a", code, tmp_path), ready=ready))
    await supervisor.restart("a")
    assert child.last_exit == 7


async def test_a_child_that_may_end_is_left_ended(supervisor: Supervisor, tmp_path: Path) -> None:
    child = await supervisor.start(replace(python("a", "pass", tmp_path), restart=Restart.ON_FAILURE))
    await until(lambda: child.state is ChildState.ENDED)
    assert child.last_exit == 0
    assert child.restarts == 0


async def test_a_child_that_ignores_its_stop_signal_is_killed_with_all_it_started(tmp_path: Path) -> None:
    marker = tmp_path / "grandchild"
    code = (
        "import signal, subprocess, sys; signal.signal(15, signal.SIG_IGN);"
        f"p = subprocess.Popen([sys.executable, '-c', {FOREVER!r}]);"
        f"open({str(marker)!r}, 'w').write(str(p.pid)); signal.pause()"
    )

    async def ready() -> bool:
        return marker.exists() and bool(marker.read_text())

    async with Supervisor() as supervisor:
        await supervisor.start(replace(python("a", code, tmp_path), ready=ready, stop_within_seconds=0.1))
        grandchild = ProcessId.of(int(marker.read_text()))
    assert grandchild is not None
    await gone(grandchild)


async def test_children_of_a_later_stage_are_stopped_first(tmp_path: Path) -> None:
    order: list[str] = []
    children: list[Child] = []

    def note_ended() -> None:
        order.extend(
            child.spec.name
            for child in children
            if child.state is ChildState.ENDED and child.spec.name not in order
        )

    async with Supervisor(on_change=note_ended) as supervisor:
        children.append(await supervisor.start(python("server", FOREVER, tmp_path)))
        children.append(await supervisor.start(replace(python("client", FOREVER, tmp_path), stage=1)))
    assert order == ["client", "server"]


async def test_who_waits_for_children_to_finish_is_told_for_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argosy.console.supervise.TELL_SECONDS", 0.01)
    told: list[str] = []
    ready, go_on = tmp_path / "ready", tmp_path / "go-on"

    def tell(line: str) -> None:
        told.append(line)
        go_on.touch()

    async def is_ready() -> bool:
        return ready.exists()

    draining = (
        "import pathlib, signal, time\n"
        "def drain(*_):\n"
        f"    while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.01)\n"
        "    raise SystemExit\n"
        f"signal.signal(signal.SIGTERM, drain); open({str(ready)!r}, 'w').close(); signal.pause()"
    )
    async with Supervisor(tell=tell) as supervisor:
        await supervisor.start(python("quick", FOREVER, tmp_path))
        spec = replace(python("slow", draining, tmp_path), ready=is_ready, stage=1, stop_within_seconds=60)
        await supervisor.start(spec)
    assert told[0].startswith("waits   for slow to finish what runs there (0 s of at most 60)")


async def test_an_error_in_the_block_still_stops_every_child(tmp_path: Path) -> None:
    process: ProcessId | None = None

    async def fail() -> None:
        nonlocal process
        async with Supervisor() as supervisor:
            process = (await supervisor.start(python("a", FOREVER, tmp_path))).process
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        await fail()
    assert process is not None
    assert not process.is_running()


async def test_a_child_gets_its_variables_and_none_of_them_shows_in_its_arguments(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    code = "import os, sys; print(os.environ['SECRET'], sys.argv, flush=True); import signal; signal.pause()"

    async def ready() -> bool:
        return bool((tmp_path / "a.log").read_text())

    child = await supervisor.start(replace(python("a", code, tmp_path), env={"SECRET": "s3"}, ready=ready))
    assert "s3" in child.spec.log.read_text()
    assert child.process is not None
    assert not any("s3" in argument for argument in psutil.Process(child.process.pid).cmdline())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kernels kill children with their parent")
async def test_a_supervisor_killed_by_kill_9_leaves_nothing_running(tmp_path: Path) -> None:
    script = tmp_path / "supervise_one.py"
    script.write_text(
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from argosy.console.child import ChildSpec\n"
        "from argosy.console.supervise import Supervisor\n"
        "async def main():\n"
        "    async with Supervisor() as supervisor:\n"
        f"        argv = (sys.executable, '-c', {FOREVER!r})\n"
        f"        child = await supervisor.start(ChildSpec('a', argv, Path({str(tmp_path / 'a.log')!r})))\n"
        "        print(child.process.pid, flush=True)\n"
        "        await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    running = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=subprocess.PIPE)
    assert running.stdout is not None
    child = ProcessId.of(int(await running.stdout.readline()))
    assert child is not None
    os.kill(running.pid, signal.SIGKILL)
    await running.wait()
    await gone(child)


async def never() -> bool:
    return False
