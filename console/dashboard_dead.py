"""The pages of dead letters: the list, one letter whole, and putting one back."""

from base64 import b64decode
from dataclasses import dataclass
from typing import Final

import orjson

from argosy.broker.deadletters import Buried, redrive
from argosy.broker.topics import TopicNames
from argosy.console.dashboard_desk import Desk
from argosy.console.dashboard_letters import Grave, letter_at, reasons
from argosy.console.dashboard_page import Action, Asked, Done, Form, Item, Page, Question, Region, View
from argosy.console.dashboard_text import cut
from argosy.console.moments import moment
from argosy.console.numbers import short
from argosy.schemas.errors import BadArgument

SHOWN: Final = 100
BODY_CHARACTERS: Final = 200_000
HEADER_CHARACTERS: Final = 2_000


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A letter as the list has it."""

    offset: int
    died: str
    reason: str
    origin: str
    size: str
    message: str
    cut: bool


async def look(desk: Desk, asked: Asked) -> View:
    """List letters, newest first. Raises Unreachable."""
    graves = await desk.letters.get()
    reason, topic = asked.query.get("reason", ""), asked.query.get("topic", "")
    text = asked.query.get("q", "").lower()
    fitting = [
        each
        for each in graves
        if (not reason or each.reason == reason)
        and (not topic or each.topic == topic)
        and (not text or text in each.message.lower() or text in each.origin)
    ]
    rows = [_row(each) for each in reversed(fitting[-SHOWN:])]
    facts = {
        "count": len(fitting),
        "shown": len(rows),
        "reasons": reasons(graves),
        "topics": sorted({each.topic for each in graves}),
        "reason": reason,
        "topic": topic,
        "text": asked.query.get("q", ""),
    }
    items = tuple(Item(str(row.offset), row) for row in rows)
    return View("Dead letters", (Region("letters", "dead_items.html:letter", items),), facts)


async def look_at(desk: Desk, asked: Asked) -> View:
    """Show one letter. Raises NotFound, Unreachable."""
    each = await letter_at(desk.services.cluster, _topic(desk), _offset(asked.params["offset"]))
    letter = each.letter
    body, kind = _body(b64decode(letter.value))
    facts = {
        "offset": each.offset,
        "letter": letter,
        "died": moment(each.timestamp_ms),
        "written": moment(letter.timestamp_ms),
        "key": b64decode(letter.key).decode(errors="replace"),
        "headers": [
            (name, cut(b64decode(value).decode(errors="replace"), HEADER_CHARACTERS))
            for name, value in letter.headers
        ],
        "body": cut(body, BODY_CHARACTERS),
        "kind": kind,
    }
    return View(f"Dead letter {each.offset}", (), facts)


async def ask_redrive(desk: Desk, form: Form) -> Question:
    """Ask before a letter is put back. Raises NotFound, BadArgument (it was cut), Unreachable."""
    each = await _whole(desk, form)
    letter = each.letter
    return Question(
        f"Put dead letter {each.offset} back?",
        "Put it back",
        (
            ("To", f"{letter.topic}, partition {letter.partition}"),
            ("Died of", f"{letter.reason}: {letter.message}"),
            ("Size", f"{letter.value_bytes} bytes"),
            ("Note", "it stays in this list; twice is harmless, as consumers know what they have done"),
        ),
    )


async def do_redrive(desk: Desk, form: Form) -> Done:
    """Put it back. Raises what `redrive` raises."""
    each = await _whole(desk, form)
    partition, offset = await redrive(await desk.services.cluster.producer(), each.letter)
    return Done(f"Dead letter {each.offset} was put back: {each.letter.topic}/{partition}/{offset}.", "/dead")


async def _whole(desk: Desk, form: Form) -> Buried:
    each = await letter_at(desk.services.cluster, _topic(desk), _offset(form.get("offset", "")))
    if each.letter.cut:
        raise BadArgument(
            f"dead letter {each.offset} was cut and can't be put back",
            why="it was too large to be kept whole",
            do="send the message again where it came from",
        )
    return each


def _topic(desk: Desk) -> str:
    return TopicNames(desk.settings.kafka.topic_prefix).dead


def _offset(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - as many digits as offsets have
        raise BadArgument(f"{text[:40]!r} is no offset", do="choose a letter from the list")
    return int(text)


def _row(each: Grave) -> LetterRow:
    return LetterRow(
        each.offset,
        moment(each.died_ms),
        each.reason,
        each.origin,
        f"{short(each.value_bytes)} B",
        each.message,
        each.cut,
    )


def _body(data: bytes) -> tuple[str, str]:
    """Show a body: JSON indented, text as it is, else hexadecimal."""
    try:
        return orjson.dumps(orjson.loads(data), option=orjson.OPT_INDENT_2).decode(), "JSON"
    except ValueError:
        pass
    try:
        return data.decode(), "text"
    except UnicodeDecodeError:
        return data[: BODY_CHARACTERS // 3].hex(" ", 4), "bytes, in hexadecimal"


DEAD: Final = Page("/dead", "dead.html", look, "dead")
LETTER: Final = Page("/dead/{offset}", "letter.html", look_at, "dead")
REDRIVE: Final = Action("redrive-letter", ask_redrive, do_redrive)
