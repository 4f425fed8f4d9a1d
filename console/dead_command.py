"""`argosy dead list|show|redrive`: messages that couldn't be processed; look at them, put them back."""

import asyncio
from base64 import b64decode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from argosy.broker.deadletters import Buried, buried, redrive
from argosy.broker.topics import TopicNames
from argosy.console.config import load_settings
from argosy.console.exits import FAILED
from argosy.console.interruption import if_interrupted
from argosy.console.moments import moment
from argosy.console.numbers import counted
from argosy.console.output import confirm, note, printable, show, show_table
from argosy.console.process_life import open_services
from argosy.schemas.errors import ArgosyError, ConfigurationError, NotFound
from argosy.schemas.redact import redact_text
from argosy.schemas.settings import Settings

dead = typer.Typer(help="Dead letters: list them, show one, put them back.", no_args_is_help=True)

COLUMNS = ("OFFSET", "DIED", "REASON", "FROM", "BYTES", "MESSAGE")
SHOWN_CHARACTERS = 2_000
_SOURCE = {"topic", "partition", "offset", "timestamp_ms"}

Topic = Annotated[str | None, typer.Option("--topic", help="Only those from this topic (its end will do).")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only those that died of this.")]


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of one letter: where it was put, or why not."""

    offset: int
    topic: str
    partition: int | None = None
    put_at: int | None = None
    error: str = ""


@dead.command("list")
def list_dead(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="The newest so many.")] = 50,
    topic: Topic = None,
    reason: Reason = None,
) -> None:
    """List dead letters, newest first. OFFSET is a letter's name for `show` and `redrive`."""
    found = asyncio.run(_letters(load_settings(), topic, reason))
    newest = found[: -limit - 1 : -1]
    rows = [
        (
            each.offset,
            moment(each.timestamp_ms),
            each.letter.reason,
            _origin(each),
            each.letter.value_bytes,
            each.letter.message,
        )
        for each in newest
    ]
    show_table(COLUMNS, rows, {"dead": [data_of(each) for each in newest], "all": len(found)})
    if not found:
        note("no dead letters")
    if len(found) > len(newest):
        note(f"{len(found) - len(newest)} older ones; --limit shows more")


@dead.command("show")
def show_dead(
    offset: Annotated[int, typer.Argument(min=0, help="The letter's offset, from `dead list`.")],
) -> None:
    """Show one dead letter: reason, origin, headers, and its body as text.

    What looks like a secret is masked here; the letter keeps it, to be put back.
    """
    each = _named(asyncio.run(_letters(load_settings(), None, None)), offset)
    letter = each.letter
    body = redact_text(b64decode(letter.value).decode(errors="replace"))
    lines = [
        f"offset   {each.offset}, died {moment(each.timestamp_ms)}",
        f"reason   {letter.reason}: {letter.message}",
        f"from     {_origin(each)}, written {moment(letter.timestamp_ms)}",
        f"key      {b64decode(letter.key).decode(errors='replace')}",
        *(f"header   {name}: {b64decode(value).decode(errors='replace')}" for name, value in letter.headers),
        f"body     {letter.value_bytes} bytes{', cut: it can not be put back' if letter.cut else ''}",
        body[:SHOWN_CHARACTERS] + ("…" if len(body) > SHOWN_CHARACTERS else ""),
    ]
    show({**data_of(each), "value": body}, printable("\n".join(lines)))


@dead.command("redrive")
def redrive_dead(
    offsets: Annotated[list[int] | None, typer.Argument(help="Letters, by their offsets.")] = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All that --topic and --reason leave.")] = False,
    topic: Topic = None,
    reason: Reason = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be put back, and where.")
    ] = False,
) -> None:
    """Put dead letters back where they came from, same partition, key, headers and body.

    A letter stays where it is: to redrive it twice is to send its message twice, which consumers stand. One that
    was cut can't be put back. Exit code 1 if one couldn't.
    """
    if offsets and everything:
        raise ConfigurationError(
            "either letters by their offsets, or --all: not both", do="leave out the one or the other"
        )
    if not offsets and not everything:
        raise ConfigurationError("say which letters", do="argosy dead redrive OFFSET…, or --all")
    settings = load_settings()
    found = asyncio.run(_letters(settings, topic, reason))
    chosen = found if offsets is None else [_named(found, offset) for offset in offsets]
    if dry_run or not chosen:
        _tell(
            [
                Redriven(each.offset, each.letter.topic, each.letter.partition, error=_cut(each))
                for each in chosen
            ],
            dry=True,
        )
        return
    if not confirm(f"put {counted(len(chosen), 'dead letter')} back?"):
        raise ConfigurationError("nothing was put back", "nobody said yes", "--yes answers for you")
    done = asyncio.run(_redrive(settings, chosen))
    _tell(done, dry=False)
    if any(each.error for each in done):
        raise typer.Exit(FAILED)


def _tell(done: Sequence[Redriven], *, dry: bool) -> None:
    rows = [
        (
            each.offset,
            f"{each.topic}/{each.partition}",
            each.error or ("would be put back" if dry else f"put back at {each.put_at}"),
        )
        for each in done
    ]
    show_table(("OFFSET", "TO", "WHAT"), rows, {"dry_run": dry, "redriven": done})


async def _redrive(settings: Settings, chosen: Sequence[Buried]) -> list[Redriven]:
    done: list[Redriven] = []
    async with open_services(settings, "dead") as services:
        producer = await services.cluster.producer()
        for number, each in enumerate(chosen):
            if_interrupted(
                f"{number} of {counted(len(chosen), 'dead letter')} went back, the next one may have; "
                "redrive again: twice is harmless"
            )
            topic = each.letter.topic
            try:
                partition, put_at = await redrive(producer, each.letter)
                done.append(Redriven(each.offset, topic, partition, put_at))
            except ArgosyError as error:
                done.append(Redriven(each.offset, topic, each.letter.partition, error=str(error)))
    return done


async def _letters(settings: Settings, topic: str | None, reason: str | None) -> list[Buried]:
    async with open_services(settings, "dead") as services:
        dead_topic = TopicNames(settings.kafka.topic_prefix).dead
        if dead_topic not in await services.cluster.topic_names():
            raise ConfigurationError(
                f"there is no fleet: Kafka has no topic {dead_topic}",
                do="argosy topics apply, or argosy coordinator",
            )
        found = [each async for each in buried(services.cluster, dead_topic)]
    return [
        each
        for each in found
        if (topic is None or each.letter.topic.endswith(topic))
        and (reason is None or each.letter.reason == reason)
    ]


def _named(found: Sequence[Buried], offset: int) -> Buried:
    for each in found:
        if each.offset == offset:
            return each
    raise NotFound(
        f"no dead letter {offset}",
        "there is none at this offset, or retention has passed",
        "argosy dead list",
    )


def _cut(each: Buried) -> str:
    return "was cut and can't be put back" if each.letter.cut else ""


def _origin(each: Buried) -> str:
    return f"{each.letter.topic}/{each.letter.partition}/{each.letter.offset}"


def data_of(each: Buried) -> dict[str, object]:
    """Show a letter to programs."""
    letter = each.letter
    headers = {name: b64decode(value).decode(errors="replace") for name, value in letter.headers}
    source = letter.model_dump(mode="json", include=_SOURCE)
    plain = letter.model_dump(mode="json", exclude={"headers", "value", "key", *_SOURCE})
    key = b64decode(letter.key).decode(errors="replace")
    # `offset` is what `show` and `redrive` take: that of the message it was may stand nowhere beside it.
    return {
        "offset": each.offset,
        "died_ms": each.timestamp_ms,
        **plain,
        "source": source,
        "key": key,
        "headers": headers,
    }
