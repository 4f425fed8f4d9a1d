"""The report of a chaos run as one HTML page: no script, no other file, readable in the light and in the dark."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from argosy.console.chaos_text import by_kind
from argosy.testing.chaos_report import Invariant, Report, StrikeReport, Verdict

_WIDTH: Final = 960
_HEIGHT: Final = 180
_ROW: Final = 14
_VERDICTS: Final[Mapping[Verdict, str]] = {
    "held": "Every promise held.",
    "broken": "A promise was broken.",
    "incomplete": "Every promise held, but not all faults were carried out.",
    "empty": "Nothing was shown: no load, or no fault.",
    "slow": "Can't be judged: runs were still going on when the time to come to rest was up.",
}
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--bar:#3b82c4;--fault:#d9822b;--good:#2e8b57;--bad:#c0392b}
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.verdict{font-size:1.4rem;padding:.6rem 1rem;border-left:.4rem solid var(--good);background:#8881}
.broken .verdict,.empty .verdict,.slow .verdict{border-color:var(--bad)}
.incomplete .verdict{border-color:var(--fault)}.part{color:var(--fault);font-weight:600}
.bad{color:var(--bad);font-weight:600}.good{color:var(--good)}
svg{width:100%;height:auto}svg text{font:10px system-ui,sans-serif;fill:currentColor}
.area{fill:var(--bar);opacity:.75}.usual{stroke:currentColor;stroke-dasharray:4 3;opacity:.5}
.fault{fill:var(--fault)}.axis{stroke:var(--line)}code{font-size:.9em}
"""


def page(report: Report) -> str:
    """Write the page."""
    body = "".join(_body(report))
    title = f"chaos, seed {report.seed}: {_VERDICTS[report.verdict]}"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><style>{_STYLE}</style><body class="{report.verdict}">{body}</body></html>\n'
    )


def _body(report: Report) -> Iterator[str]:
    load = report.load
    yield f"<h1>Chaos run of {escape(', '.join(report.pipelines))}</h1>"
    yield f'<p class="verdict">{_VERDICTS[report.verdict]}</p>'
    yield "<h2>Promises</h2>"
    yield _table(("promise", "looked at", "broken", ""), [_promise(one) for one in report.invariants])
    yield "<h2>Throughput and faults</h2>"
    yield _chart(report)
    yield (
        "<p>Tasks that succeeded, by second, at the broker's clock; below, each fault from its beginning to its end."
        f" The dashed line is the usual throughput, {report.baseline:g} tasks a second.</p>"
    )
    yield "<h2>Recovery</h2>"
    yield _table(
        ("", "fault", "times", "throughput"),
        [
            (_text(code), _text(kind), _number(many), _text(said))
            for code, kind, many, said in by_kind(report)
        ],
    )
    yield f"<p>Session timeout {report.session_seconds:g} s, lease {report.lease_seconds:g} s.</p>"
    yield "<h2>Load</h2>"
    rows = {
        "runs acknowledged": load.acknowledged,
        "runs ended": load.ended,
        **{f"… {outcome}": many for outcome, many in sorted(load.outcomes.items())},
        "tasks succeeded": load.tasks,
        "deliveries": load.deliveries,
        **{f"duplicates: {name.replace('_', ' ')}": many for name, many in load.duplicates.items()},
        **{f"restarts of {name}": many for name, many in sorted(load.restarts.items())},
    }
    yield _table(("", ""), [(_text(name), _number(many)) for name, many in rows.items()])
    yield "<h2>Every fault</h2>"
    yield _table(
        ("#", "second", "fault", "to whom", "what it did", "back after"),
        [_strike(one) for one in report.strikes],
    )
    again = f"argosy chaos {report.app} --seed {report.seed} --minutes {report.seconds / 60:.1f}"
    yield (
        f"<p>argosy {escape(report.argosy)}, {escape(report.machine)}, {report.processes} processes beside Kafka and"
        f" Redis, started {escape(report.started)}. The same faults again: <code>{escape(again)}</code></p>"
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(row) + "</tr>" for row in rows)
    return f"<table><tr>{names}</tr>{lines}</table>"


def _promise(one: Invariant) -> tuple[str, ...]:
    told = "".join(f"<li>{escape(text)}</li>" for text in one.told)
    told += f"<li>… and {one.untold} more</li>" if one.untold else ""
    good, bad = ("held", "broken") if one.of_fleet else ("yes", "not all")
    style = "good" if not one.broken else "bad" if one.of_fleet else "part"
    mark = f'<td class="{style}">{bad if one.broken else good}</td>'
    return (
        f"<td>{escape(one.name)}{f'<ul>{told}</ul>' if told else ''}</td>",
        _number(one.checked),
        _number(one.broken),
        mark if one.checked else "<td>not seen</td>",
    )


def _strike(one: StrikeReport) -> tuple[str, ...]:
    back = "" if one.recovery_seconds is None else f"{one.recovery_seconds:g} s"
    return (
        _number(one.number),
        f'<td class="n">{one.at:.1f}</td>',
        _text(f"{one.code} {one.kind}"),
        _text(", ".join(one.victims)),
        f'<td class="bad">{escape(one.error)}</td>' if one.error else _text(one.said or "nothing came of it"),
        _text(back),
    )


def _chart(report: Report) -> str:
    seconds = max(1, len(report.curve), int(report.seconds))
    most = max(1, *report.curve, int(report.baseline)) if report.curve else 1

    def x(second: float) -> float:
        return round(min(second, seconds) * _WIDTH / seconds, 1)

    def y(many: float) -> float:
        return round(_HEIGHT - many * (_HEIGHT - 12) / most, 1)

    points = " ".join(
        f"{x(second)},{y(many)} {x(second + 1)},{y(many)}" for second, many in enumerate(report.curve)
    )
    lanes = _lanes(report.strikes)
    height = _HEIGHT + 20 + _ROW * (max(lanes.values(), default=0) + 1)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="throughput and faults over time">',
        f'<polygon class="area" points="0,{_HEIGHT} {points} {x(len(report.curve))},{_HEIGHT}"/>',
        f'<line class="usual" x1="0" x2="{_WIDTH}" y1="{y(report.baseline)}" y2="{y(report.baseline)}"/>',
        f'<line class="axis" x1="0" x2="{_WIDTH}" y1="{_HEIGHT}" y2="{_HEIGHT}"/>',
        f'<text x="2" y="10">{most} a second</text>',
    ]
    step = next(step for step in (5, 10, 30, 60, 300, 600, 3600, 86_400) if seconds / step <= 12)  # noqa: PLR2004 - labels
    parts += [_label(x(at), _HEIGHT + 11, f"{at} s") for at in range(0, seconds, step)]
    for strike in report.strikes:
        top = _HEIGHT + 18 + _ROW * lanes[strike.number]
        wide = max(2.0, round(x(strike.ended) - x(strike.at), 1))
        title = escape(
            f"{strike.code} {strike.kind} {', '.join(strike.victims)}: {strike.said or strike.error}"
        )
        parts.append(
            f'<g><title>{title}</title><rect class="fault" x="{x(strike.at)}" y="{top}" width="{wide}" height="5"/>'
            f"{_label(x(strike.at), top + 13, strike.kind)}</g>"
        )
    return "".join([*parts, "</svg>"])


def _label(x: float, y: int, text: str) -> str:
    """Write a text from `x` on, or up to there where it would leave the picture."""
    anchor = "end" if x > _WIDTH * 0.88 else "start"  # room for the longest name
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


def _lanes(strikes: tuple[StrikeReport, ...]) -> dict[int, int]:
    """Give each fault a row in which it touches no other, nor its name."""
    return {strike.number: 2 * (number % 8) for number, strike in enumerate(strikes)}


def _text(text: str) -> str:
    return f"<td>{escape(text)}</td>"


def _number(number: int) -> str:
    return f'<td class="n">{number:,}</td>'
