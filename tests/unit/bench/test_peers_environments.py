import asyncio
from pathlib import Path

import pytest
from peers.environments import LOCKS, RESTATE_SERVER, CannotInstall, Environments, pinned

NAMES = sorted(lock.stem for lock in LOCKS.glob("*.lock"))


@pytest.mark.parametrize("name", [*NAMES, RESTATE_SERVER])
def test_every_package_that_an_environment_asks_for_has_a_version(name: str) -> None:
    assert all(version[0].isdigit() for version in pinned(name).values())
    assert pinned(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_has_hashes_and_names_no_address(name: str) -> None:
    text = (LOCKS / f"{name}.lock").read_text()

    assert text.count("==") <= text.count("--hash=sha256:")
    assert "://" not in text


def test_the_lock_of_npm_has_hashes_and_names_no_address() -> None:
    text = (LOCKS / RESTATE_SERVER / "package-lock.json").read_text()

    assert '"integrity": "sha512-' in text
    assert "://" not in text


async def test_without_npm_it_is_said_that_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(CannotInstall, match="there is no npm"):
        await Environments(tmp_path).make(RESTATE_SERVER)


def test_an_environment_that_fits_its_lock_is_used_again(tmp_path: Path) -> None:
    stamp = tmp_path / "arq" / ".locked"
    stamp.parent.mkdir()
    stamp.write_bytes((LOCKS / "arq.lock").read_bytes())

    asyncio.run(Environments(tmp_path).make("arq"))

    assert list(tmp_path.iterdir()) == [stamp.parent]
    assert list(stamp.parent.iterdir()) == [stamp]
