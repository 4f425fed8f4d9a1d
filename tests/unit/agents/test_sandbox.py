"""The sandbox, tried on a real one: what a command can't see, can't reach, can't take, and doesn't survive."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from argosy.agents import sandbox_probe
from argosy.agents.sandbox import Ran, run_sandboxed
from argosy.agents.sandbox_output import Kept
from argosy.agents.sandbox_probe import find_sandbox
from argosy.agents.sandbox_view import Access
from argosy.schemas.errors import SandboxMissing
from argosy.schemas.settings import SandboxSettings
from support.missing import not_run
from support.waiting import eventually

PYTHON: Final = "python3"
TMP: Final = "/tmp"  # noqa: S108 - the sandbox's own
SETTINGS: Final = SandboxSettings(memory_bytes=512 * 1024 * 1024, wall_seconds=200)


@pytest_asyncio.fixture(autouse=True)
async def _sandbox(request: pytest.FixtureRequest) -> None:
    if "missing" not in request.node.name and "without" not in request.node.name:
        try:
            await find_sandbox()
        except SandboxMissing as error:
            not_run(request.node.name, error.why)


async def python(
    folder: Path, code: str, settings: SandboxSettings = SETTINGS, *, access: Access = "read"
) -> Ran:
    return await run_sandboxed((PYTHON, "-c", code), folder, settings, access=access)


async def test_it_runs_this_python_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("seen")
    ran = await python(tmp_path, "import sys; print(open('here.txt').read(), sys.version_info[:2])")
    assert ran == Ran(
        exit_code=0,
        ended="exited",
        output=f"seen {sys.version_info[:2]}\n",
        output_bytes=13,
        isolation="bubblewrap",
    )
    assert ran.passed


async def test_it_has_no_network_not_even_to_this_machine(tmp_path: Path) -> None:
    async with await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        ran = await python(
            tmp_path,
            f"""
import socket
for address in ("127.0.0.1", "192.0.2.1"):
    try:
        socket.create_connection((address, {port}), 2)
    except OSError as error:
        print(error.strerror)
""",
        )
    assert ran.output.splitlines() == ["Connection refused", "Network is unreachable"]


async def test_it_reads_nothing_outside_and_has_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "link").symlink_to(secret)
    ran = await python(
        inner,
        f"""
import os
print("canary" in str(dict(os.environ)), os.path.exists({str(secret)!r}), os.path.exists("link"))
print([name for name in ("/etc/passwd", "/etc/shadow", "/var", "/sys", "/run", {str(Path.cwd() / "pyproject.toml")!r})
       if os.path.exists(name)])
print([pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) > 9])
""",
    )
    assert ran.output.splitlines() == ["False False False", "[]", "[]"]


async def test_it_writes_into_the_folder_only_where_that_is_meant(tmp_path: Path) -> None:
    code = f"""
import os
for folder in ("/sandbox", "/", "/usr", {sys.prefix!r}, {TMP!r}):
    try:
        open(folder + "/x", "w").close(); print(folder)
    except OSError as error:
        print("no")
"""
    assert (await python(tmp_path, code)).output.split() == ["no", "no", "no", "no", TMP]
    assert names(tmp_path) == []
    wrote = await python(tmp_path, code, access="write")
    assert wrote.output.split() == ["/sandbox", "no", "no", "no", TMP]
    assert names(tmp_path) == ["x"]


async def test_in_a_copy_it_writes_what_nobody_ever_sees_and_no_more_than_allowed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "here.txt").write_text("seen")
    code = (
        "print(open('deep/here.txt').read()); open('deep/x', 'w').write('x'); print(len(os.listdir('deep')))"
    )
    ran = await python(tmp_path, f"import os; {code}", access="copy")
    assert ran.output.split() == ["seen", "2"]
    assert names(tmp_path / "deep") == ["here.txt"]
    small = SETTINGS.model_copy(update={"scratch_bytes": 100_000})
    many = "for n in range(9): open(f'f{n}', 'wb').write(bytes(50_000))"
    assert "No space left" in (await python(tmp_path, many, small, access="copy")).output
    (tmp_path / "large").write_bytes(bytes(200_000))
    too_large = await python(tmp_path, "pass", small, access="copy")
    assert (too_large.exit_code, too_large.passed) == (126, False)
    assert "can't be copied" in too_large.output


async def test_it_has_no_capability_and_can_not_make_namespaces(tmp_path: Path) -> None:
    ran = await python(
        tmp_path,
        """
import ctypes, os
print([line.split()[1] for line in open("/proc/self/status") if line.startswith(("CapEff", "CapBnd", "NoNewPrivs"))])
print(ctypes.CDLL(None).unshare(0x10000000), os.getuid())
""",
    )
    sandbox = await find_sandbox()
    unshared = "-1" if sandbox.ends_namespaces else "0"
    assert ran.output.splitlines() == [f"{['0' * 16, '0' * 16, '1']}", f"{unshared} 1000"]


@pytest.mark.parametrize(
    ("code", "limits", "ended"),
    [
        ("import time; time.sleep(60)", {"wall_seconds": 0.5}, "wall"),
        ("while True: pass", {"cpu_seconds": 1}, "cpu"),
        (
            "import os, time\nfor _ in range(30): os.fork() or time.sleep(60)\ntime.sleep(60)",
            {"processes": 8},
            "processes",
        ),
        (
            "import os, time\nfor _ in range(6):\n os.fork() or (bytearray(10**8), time.sleep(60))\ntime.sleep(60)",
            {"memory_bytes": 256 * 1024 * 1024},
            "memory",
        ),
    ],
)
async def test_each_limit_ends_all_of_it(
    tmp_path: Path, code: str, limits: dict[str, int], ended: str
) -> None:
    ran = await python(tmp_path, code, SETTINGS.model_copy(update=limits))
    assert (ran.ended, ran.passed) == (ended, False)


async def test_a_single_process_gets_no_more_memory_and_no_larger_file_than_allowed(tmp_path: Path) -> None:
    assert "MemoryError" in (await python(tmp_path, "bytearray(600_000_000)")).output
    small = SETTINGS.model_copy(update={"scratch_bytes": 100_000})
    code = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); open('f', 'wb').write(bytes(200_000))"
    )
    ran = await python(tmp_path, code, small, access="write")
    assert "File too large" in ran.output
    many = "open('/tmp/a', 'wb').write(bytes(90_000)); open('/tmp/b', 'wb').write(bytes(90_000))"
    assert "No space left" in (await python(tmp_path, many, small)).output
    shared = many.replace(TMP, "/dev/shm")  # noqa: S108 - the sandbox's own
    assert "No space left" in (await python(tmp_path, shared, small)).output
    assert "Read-only" in (await python(tmp_path, "open('/dev/x', 'w')", small)).output


async def test_endless_output_is_cut_in_the_middle_and_told(tmp_path: Path) -> None:
    code = "print('first'); print('x' * 1_000_000); print('last')"
    ran = await python(tmp_path, code, SETTINGS.model_copy(update={"output_bytes": 1000}))
    assert ran.output.startswith("first\nxxx")
    assert ran.output.endswith("xxx\nlast\n")
    assert (ran.output_bytes, ran.cut_bytes) == (1_000_012, 999_012)
    assert "\n… 999012 bytes were cut here …\n" in ran.output


def test_what_fits_is_kept_whole() -> None:
    kept = Kept(10)
    for chunk in (b"abc", b"defgh", b"ij"):
        kept.add(chunk)
    assert (kept.text(), kept.cut_bytes) == ("abcdefghij", 0)
    kept.add(b"k")
    assert kept.text() == "abcde\n… 1 bytes were cut here …\nghijk"


DETACHED: Final = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open("beat", "w").write(str(time.monotonic())); time.sleep(0.01)
    os._exit(0)
while not os.path.exists("beat"): time.sleep(0.01)
"""


async def is_still(beat: Path) -> None:
    """No process writes it any more."""

    def written() -> int:
        return beat.stat().st_mtime_ns

    async def still() -> bool:
        before = await asyncio.to_thread(written)
        await asyncio.sleep(0.3)
        return before == await asyncio.to_thread(written)

    await eventually(still, "nothing of it runs")


async def test_children_that_hid_themselves_die_with_the_command(tmp_path: Path) -> None:
    ran = await python(tmp_path, DETACHED, access="write")
    assert ran.exit_code == 0, ran.output
    await is_still(tmp_path / "beat")


async def test_whoever_cancels_it_kills_it(tmp_path: Path) -> None:
    running = asyncio.create_task(python(tmp_path, DETACHED + "time.sleep(60)", access="write"))
    await eventually(_there(tmp_path / "beat"), "it runs")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await is_still(tmp_path / "beat")


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
async def test_it_dies_with_a_worker_that_is_killed(tmp_path: Path, kind: str) -> None:
    if kind == "none" and sys.platform != "linux":
        pytest.skip("only Linux tells a child that its parent died")
    code = """
import asyncio, sys
from pathlib import Path
from argosy.agents.sandbox import run_sandboxed
from argosy.schemas.settings import SandboxSettings
beat = "import time\\nwhile True: open('beat', 'w').write(str(time.monotonic())); time.sleep(0.01)"
asyncio.run(run_sandboxed(("python3", "-c", beat), Path(sys.argv[1]), SandboxSettings(kind=sys.argv[2]),
                          access="write"))
"""
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path), kind)
    await eventually(_there(tmp_path / "beat"), "it runs")
    worker.kill()
    await worker.wait()
    await is_still(tmp_path / "beat")


async def test_without_a_sandbox_it_runs_under_limits_only_where_a_setting_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = "import time; print('here', flush=True); time.sleep(600)"
    for seconds in (0.5, 5.0, 100.0):  # on a busy machine it is late to say anything
        settings = SETTINGS.model_copy(update={"kind": "none", "wall_seconds": seconds})
        ran = await python(tmp_path, code, settings)
        if ran.output:
            break
    assert (ran.isolation, ran.ended, ran.output) == ("none", "wall", "here\n")
    assert "ran without a sandbox" in "".join(capfd.readouterr())


async def test_a_missing_bubblewrap_refuses_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxMissing) as refused:
        await run_sandboxed((sys.executable, "-c", "open('ran', 'w')"), tmp_path, SETTINGS, access="write")
    assert "ARGOSY_SANDBOX__KIND=none" in refused.value.do
    assert "apt-get install bubblewrap" in refused.value.do
    assert names(tmp_path) == []


async def test_a_missing_right_to_namespaces_refuses_with_what_bubblewrap_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho bwrap: No permissions to create new namespace >&2; exit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(sandbox_probe, "_found", {})
    with pytest.raises(SandboxMissing, match="No permissions to create new namespace"):
        await run_sandboxed((PYTHON, "-c", "pass"), tmp_path, SETTINGS)


async def test_a_command_that_is_not_there_ends_with_127(tmp_path: Path) -> None:
    ran = await run_sandboxed(("no-such-command",), tmp_path, SETTINGS)
    assert (ran.exit_code, ran.passed) == (127, False)
    assert "no-such-command can't be run" in ran.output


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def _there(file: Path) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return await asyncio.to_thread(lambda: file.exists() and bool(file.read_text()))

    return there
