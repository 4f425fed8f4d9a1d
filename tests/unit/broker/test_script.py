"""A script's header, its parts, and what its arguments may be."""

import hashlib
import re
from pathlib import Path

import pytest

from argosy.broker.script import Declared, Script, declared

ROOT = Path(__file__).parents[3]
FILES = sorted(path for room in ROOT.iterdir() if room.is_dir() for path in room.glob("*.lua"))
PARTS = {
    f"{name}.lua"
    for path in FILES
    for name in re.findall(r"^--! (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
}
NOT_SCRIPTS = PARTS | {"memory_lua.lua"}
SCRIPTS = [path for path in FILES if path.name not in NOT_SCRIPTS]
UNITS = re.compile(r"millisecond|second|byte|number|count|how many|length", re.IGNORECASE)
QUANTITY = re.compile(r"\b(lease|ttl|size|timeout|until)\b", re.IGNORECASE)


def body_of(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def test_there_are_scripts_to_check() -> None:
    assert SCRIPTS


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.stem))
def test_every_script_begins_with_a_sentence_keys_arguments_and_replies(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    header = re.match(r"(--[^\n]*\n)+", text)
    assert header is not None, "begin with a header of comment lines"
    lines = header[0].splitlines()
    assert re.match(r"-- [A-Z].*", lines[0])
    sentence = " ".join(line.removeprefix("--").strip() for line in header[0].split("--\n")[0].splitlines())
    assert sentence.endswith((".", ":")), "the first sentence ends in a full stop"
    assert any(line.startswith("-- Returns") for line in lines), "say what it returns"
    for line in lines:
        if re.match(r"-- KEYS\[", line):
            typed = r"-- KEYS\[\d+(\.\.)?\] +(STRING|HASH|SET|ZSET) +\S"
            mixed = r"-- KEYS\[\d+\.\.\] +\S"  # only a tail may hold keys of several types
            assert re.match(typed, line) or re.match(mixed, line), line
        if re.match(r"-- ARGV\[", line):
            assert re.match(r"-- ARGV\[\d+(\.\.)?\] +\S", line), line
            if QUANTITY.search(line):
                assert UNITS.search(line), f"a quantity without its unit: {line}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.stem))
def test_every_key_and_argument_that_a_script_uses_is_declared(path: Path) -> None:
    script = Script(str(path), path.stem)
    for what, of in (("KEYS", script.keys), ("ARGV", script.args)):
        used = [int(number) for number in re.findall(rf"{what}\[(\d+)\]", body_of(path))]
        count = 0 if of is None else of.count
        most = max(used, default=0)
        assert most <= count or (of is not None and of.tail), f"{what}[{most}] is used, {count} are declared"
        if used or re.search(rf"\b{what}\b", body_of(path)):
            assert of is not None, f"{what} is used and not declared"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.stem))
def test_no_script_builds_a_key(path: Path) -> None:
    """A key that isn't declared breaks in a cluster, and is in nobody's list of keys."""
    assert not re.search(r"KEYS\[\d+\]\s*\.\.", body_of(path))


def test_parts_are_put_in_place_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "part.lua").write_text("-- A comment.\nlocal function two()\n  return 2\nend\n")
    (tmp_path / "main.lua").write_text("-- X.\n--! prelude\n--! part\nreturn two()\n")
    script = Script(str(tmp_path / "caller.py"), "main")
    lines = script.text.splitlines()
    assert len(lines) == 4
    assert "function identity" in lines[1]
    assert lines[2] == "local function two() return 2 end"
    assert script.sha == hashlib.sha1(script.text.encode(), usedforsecurity=False).hexdigest()


def test_arguments_are_text_integers_or_bytes() -> None:
    script = Script.of_text("x", "return 1")
    assert script.encode(["k", "ü"], ["a", -5, b"\xff", 2**70]) == (
        [b"k", "ü".encode()],
        [b"a", b"-5", b"\xff", b"1180591620717411303424"],
    )


@pytest.mark.parametrize("wrong", [None, True, False, 1.5, ["a"]])
def test_what_has_no_one_right_form_is_no_argument(wrong: object) -> None:
    arguments: list[str] = ["fine"]
    arguments.append(wrong)  # type: ignore[arg-type]  # the wrong use under test
    with pytest.raises(TypeError, match=r"x\.lua, ARGV\[2\]"):
        Script.of_text("x", "return 1").encode([], arguments)


def test_too_few_and_too_many_keys_are_found_before_anything_is_sent() -> None:
    script = Script.of_text("x", "-- X.\n-- KEYS[1] HASH a\n-- ARGV[1] b\n-- ARGV[2..] more\nreturn 1")
    script.encode(["k"], [1])
    script.encode(["k"], [1, 2, 3])
    for keys, args in ((["k", "l"], [1]), ([], [1]), (["k"], [])):
        with pytest.raises(TypeError, match=r"x\.lua takes"):
            script.encode(keys, args)


def test_a_header_may_not_skip_a_number_or_go_on_after_a_tail() -> None:
    assert declared("KEYS", "-- KEYS[1] HASH a\n-- KEYS[2..] HASH b\n") == Declared(1, tail=True)
    for text in ("-- KEYS[2] HASH a\n", "-- KEYS[1..] HASH a\n-- KEYS[2] HASH b\n"):
        with pytest.raises(ValueError, match="in order"):
            declared("KEYS", text)
